"""Whether and when a change began: Shiryaev-Roberts detectors of e-values, many at once, in logarithms.

Each *bet* is a stream of e-values (mean at most 1 while nothing has changed, whatever came before). Its level
is `M <- (M + 1) * e`; an alarm is raised when a weighted mean of the levels reaches `windows / false_alarms`,
and then at most that many false alarms are expected in that many windows, whatever the bets have to do with
each other.
Always: the stored form and the one over a whole history agree to the last bit; leading axes are streams of
their own.
Left to others: where e-values come from (`stats.sequences.conformal`), and that they are such.
Source: Shin, Ramdas, Rinaldo (2024), E-detectors, New England J. of Statistics in Data Science 2:229-260.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.stats.sequences.mixtures import log_mean

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DetectorState:
    """All that a detector remembers; arrays `(..., b)` of `b` bets.

    Attributes:
        log_level: Logarithm of the level M; minus infinity before the first step.
        log_run: Logarithm of the largest product of the e-values since any one step.
        began: Int64, the step that product begins at: when the change began if there was one.
        steps: `(...,)` int64, how many there were since the start.
    """

    log_level: Floats
    log_run: Floats
    began: NDArray[np.int64]
    steps: NDArray[np.int64]


def start_detectors(streams: tuple[int, ...], bets: int) -> DetectorState:
    """Detectors that have seen nothing.

    Args:
        streams: Shape of the leading axes; `()` for one stream.
        bets: How many.
    """
    shape = (*streams, bets)
    return DetectorState(
        np.full(shape, -np.inf),
        np.full(shape, -np.inf),
        np.zeros(shape, np.int64),
        np.zeros(streams, np.int64),
    )


def advance(state: DetectorState, log_e_values: Floats, *, at: int) -> DetectorState:
    """One step of all detectors.

    Args:
        state: So far.
        log_e_values: `(..., b)` natural logarithms; minus infinity is allowed, NaN is not.
        at: Number of the step, as `began` will say it; larger than the one before.

    Raises:
        InvalidInputError: The shape differs from the state's, or a value is NaN.

    >>> state = start_detectors((), 1)
    >>> for at, e in enumerate([0.5, 4.0, 4.0]):
    ...     state = advance(state, np.log([e]), at=at)
    >>> round(float(np.exp(state.log_level[0])), 6), int(state.began[0])
    (28.0, 1)
    """
    if log_e_values.shape != state.log_level.shape or np.isnan(log_e_values).any():
        raise InvalidInputError(
            f"one step needs e-values of shape {state.log_level.shape} without NaN, got "
            f"{log_e_values.shape}; a bet that cannot be made has a logarithm of 0"
        )
    goes_on = state.log_run > 0
    return DetectorState(
        np.logaddexp(state.log_level, 0.0) + log_e_values,
        np.where(goes_on, state.log_run, 0.0) + log_e_values,
        np.where(goes_on, state.began, at),
        state.steps + 1,
    )


def restart(state: DetectorState, which: NDArray[np.bool_]) -> DetectorState:
    """The same with some streams as if they had seen nothing.

    Args:
        state: So far.
        which: `(...,)` bool.
    """
    bets = which[..., None]
    return DetectorState(
        np.where(bets, -np.inf, state.log_level),
        np.where(bets, -np.inf, state.log_run),
        np.where(bets, 0, state.began),
        np.where(which, 0, state.steps),
    )


def log_mixture(state: DetectorState, weights: Floats) -> Floats:
    """Logarithm of the weighted mean of the levels.

    Args:
        state: So far.
        weights: `(b,)` at least 0, adding up to 1, chosen beforehand.

    Returns:
        `(...,)`; minus infinity where all levels are 0.

    Raises:
        InvalidInputError: The weights do not add up to 1.
    """
    # Levels of exactly zero would make the scale minus infinity; e to the -745 is the smallest float64.
    mixed = log_mean(np.maximum(state.log_level, _LOG_NOTHING), weights)
    return np.where((state.log_level == -np.inf).all(axis=-1), -np.inf, mixed)


_LOG_NOTHING = -1e4


def log_alarm_level(false_alarms: float, windows: float) -> float:
    """Logarithm of the level at which to raise an alarm.

    Args:
        false_alarms: How many are accepted, on average, in that many windows; above 0.
        windows: How many there are, more than `false_alarms`.

    Raises:
        InvalidInputError: A bound above does not hold.

    >>> round(math.exp(log_alarm_level(0.1, 720)))
    7200
    """
    if not 0 < false_alarms < windows:
        raise InvalidInputError(
            f"false alarms must be above 0 and fewer than the {windows:g} windows, got {false_alarms:g}; "
            "0.1 a month is usual"
        )
    return math.log(windows / false_alarms)


def log_evidence(state: DetectorState, *, horizon: int = 720) -> Floats:
    """Logarithms of e-values of each bet, for naming those that an alarm is about.

    A level by itself is none, as it adds up over all steps a change may have begun at. Here a step of the
    first `horizon` has the chance 1 / (2 * horizon), of the next 1 / (6 * horizon), and so on, together 1.

    Args:
        state: So far.
        horizon: Steps, at least 1, chosen beforehand: those the budget of false alarms is for.

    Returns:
        `(..., b)`, valid at any step, however that was chosen.
    """
    spans = np.ceil(np.maximum(state.steps, 1) / horizon)
    return np.asarray(state.log_level - np.log(horizon * spans * (spans + 1))[..., None])


def shares_of_mixture(state: DetectorState, weights: Floats) -> Floats:
    """What part of the mixture each bet makes up, `(..., b)` adding up to 1; 0 before the first step."""
    with np.errstate(divide="ignore"):
        parts = state.log_level + np.log(weights)
    top = parts.max(axis=-1, keepdims=True)
    shares = np.exp(parts - np.where(np.isfinite(top), top, 0.0))
    return np.asarray(shares / np.maximum(shares.sum(axis=-1, keepdims=True), np.finfo(float).tiny))


def change_began(state: DetectorState, weights: Floats) -> NDArray[np.int64]:
    """When the change began, `(...,)`: by the bet that makes up most of the mixture."""
    leader = shares_of_mixture(state, weights).argmax(axis=-1)
    return np.take_along_axis(state.began, leader[..., None], axis=-1)[..., 0]


@dataclass(frozen=True)
class DetectorRun:
    """A whole history of detectors.

    Attributes:
        log_mixtures: `(t, ...)` logarithm of the mixture after each step.
        state: After the last step.
    """

    log_mixtures: Floats
    state: DetectorState


def run_detectors(log_e_values: Floats, weights: Floats) -> DetectorRun:
    """Detectors over a whole history, never restarted.

    Args:
        log_e_values: `(t, ..., b)`, t at least 1.
        weights: `(b,)` at least 0, adding up to 1.

    Raises:
        InvalidInputError: There is no step, a value is NaN, or the weights do not add up to 1.
    """
    if not len(log_e_values):
        raise InvalidInputError("a history needs at least one step, got none")
    state = start_detectors(log_e_values.shape[1:-1], log_e_values.shape[-1])
    mixtures = []
    for at, values in enumerate(log_e_values):
        state = advance(state, values, at=at)
        mixtures.append(log_mixture(state, weights))
    return DetectorRun(np.stack(mixtures), state)


def locate_change(log_e_values: Floats, weights: Floats) -> int:
    """The step from which on the bets together did best: when a change began, of one whole history.

    Args:
        log_e_values: `(t, b)`, t at least 1.
        weights: `(b,)` at least 0, adding up to 1.

    Returns:
        In `[0, t)`; the latest of equals.

    >>> locate_change(np.log(np.array([[2.0], [0.5], [3.0], [3.0]])), np.ones(1))
    2
    """
    products = np.cumsum(log_e_values[::-1], axis=0)
    together = log_mean(np.maximum(products, _LOG_NOTHING), weights)
    return len(log_e_values) - 1 - int(together.argmax())
