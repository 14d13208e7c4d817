"""Is a mean loss above a bound, and within what bounds does it lie, at whatever time one looks: by betting.

A gambler who stakes a fixed part of the capital on each loss being above m cannot grow rich if the mean is
at most m; the mean of several gamblers' capitals is an e-value, and the m at which they did not grow rich are
an interval that holds at all times together. Fixed parts make the capital a function of counts alone, so
losses may come late and in any order, and counts of machines add up.
Always: losses between two steps of 1/256 count as the step that makes the claim weaker; bounds are of the
mean of the losses given the past, whatever their law.
Left to others: which losses, of which group (`observe`); when the change began (`stats.sequences.detectors`,
which the capitals of windows feed).
Not covered: labels that come the sooner the worse the answer was.
Source: Waudby-Smith and Ramdas (2024), JRSS B 86:1-27, sections 4 and B.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.records import Interval
from smallcraft.stats.intervals import require_fraction, two_sided_tail

Floats = NDArray[np.float64]

STEPS = 256
# Even cells are the steps themselves, odd ones lie between two.
LOSS_CELLS = 2 * STEPS + 1
# Parts of the capital staked: from what finds a rise by a hundredth to what finds a doubling at once.
FRACTIONS = tuple(float(part) for part in np.geomspace(0.002, 0.9, 14))

_HALVINGS = 50


def count_losses(losses: Floats) -> NDArray[np.int64]:
    """Losses as counts that add up.

    Args:
        losses: `(n,)` in [0, 1]; 0 and 1 for right and wrong.

    Returns:
        `(513,)` int64.

    Raises:
        InvalidInputError: A loss is outside [0, 1].

    >>> counts = count_losses(np.array([0.0, 1.0, 1.0, 0.3]))
    >>> np.flatnonzero(counts).tolist(), counts[-1].item()
    ([0, 153, 512], 2)
    """
    if losses.size and not (losses.min() >= 0 and losses.max() <= 1):
        raise InvalidInputError("losses must lie in [0, 1]; divide by the largest one possible")
    places = np.floor(losses * STEPS) + np.ceil(losses * STEPS)
    return np.bincount(places.astype(np.int64), minlength=LOSS_CELLS).astype(np.int64)


def count_mistakes(mistakes: NDArray[np.int64], n: NDArray[np.int64]) -> NDArray[np.int64]:
    """The counts of losses that are 0 or 1.

    Args:
        mistakes: `(...,)` in `[0, n]`.
        n: `(...,)` answers.

    Returns:
        `(..., 513)` int64.
    """
    counts = np.zeros((*np.shape(n), LOSS_CELLS), dtype=np.int64)
    counts[..., 0], counts[..., -1] = np.asarray(n) - mistakes, mistakes
    return counts


def log_capitals(
    counts: NDArray[np.int64], bound: Floats | float, *, fractions: tuple[float, ...] = FRACTIONS
) -> Floats:
    """Logarithms of what each gambler has who bets that the mean is above a bound.

    Each is an e-value against "the mean is at most the bound", and of windows one after the other they feed
    detectors.

    Args:
        counts: `(..., 513)` of `count_losses`.
        bound: In (0, 1), one or `(...,)`.
        fractions: Parts of the capital that are staked, each in (0, 1).

    Returns:
        `(..., f)`.

    Raises:
        InvalidInputError: The bound or a fraction is outside (0, 1).

    >>> log_capitals(count_losses(np.array([1.0, 0.0])), 0.25, fractions=(0.5,)).round(4).tolist()
    [0.2231]
    """
    limits = np.asarray(bound, dtype=np.float64)
    parts = np.asarray(fractions, dtype=np.float64)
    if not (np.all((limits > 0) & (limits < 1)) and np.all((parts > 0) & (parts < 1))):
        raise InvalidInputError(f"bound and fractions must lie in (0, 1), got {bound} and {list(fractions)}")
    return _log_capitals(_stepped_down(counts), limits, parts)


def log_excess_evidence(
    counts: NDArray[np.int64], bound: Floats | float, *, fractions: tuple[float, ...] = FRACTIONS
) -> Floats:
    """Logarithm of an e-value, valid at all times, against "the mean loss is at most the bound".

    Args:
        counts: `(..., 513)` of `count_losses`.
        bound: As of `log_capitals`.
        fractions: As of `log_capitals`.

    Returns:
        `(...,)`.

    Raises:
        InvalidInputError: The bound or a fraction is outside (0, 1).
    """
    return _log_even_mean(log_capitals(counts, bound, fractions=fractions))


def anytime_lower_bounds(counts: NDArray[np.int64], *, confidence: float) -> Floats:
    """Lower bounds of mean losses that hold at all times together.

    Args:
        counts: `(..., 513)` of `count_losses`.
        confidence: One-sided, a fraction in (0, 1).

    Returns:
        `(...,)` in [0, 1]; 0 without losses.

    Raises:
        InvalidInputError: The confidence is not in (0, 1).

    >>> counts = count_mistakes(np.array(60), np.array(200))
    >>> round(float(anytime_lower_bounds(counts, confidence=0.95)), 2)
    0.21
    """
    require_fraction(confidence, "confidence")
    return _lower_bounds(_stepped_down(counts), math.log(1 / (1 - confidence)))


def anytime_upper_bounds(counts: NDArray[np.int64], *, confidence: float) -> Floats:
    """Upper bounds of mean losses that hold at all times together.

    Args:
        counts: `(..., 513)` of `count_losses`.
        confidence: One-sided, a fraction in (0, 1).

    Returns:
        `(...,)` in [0, 1]; 1 without losses.

    Raises:
        InvalidInputError: The confidence is not in (0, 1).
    """
    require_fraction(confidence, "confidence")
    # The lower bound of what is left of 1.
    return 1 - _lower_bounds(_stepped_down(counts[..., ::-1]), math.log(1 / (1 - confidence)))


def anytime_interval(counts: NDArray[np.int64], *, level: float = 0.95) -> Interval:
    """Interval of one mean loss that holds at all times together.

    Args:
        counts: `(513,)` of `count_losses`.
        level: Two-sided coverage, a fraction in (0, 1).

    Raises:
        InvalidInputError: The level is not in (0, 1).
    """
    confidence = two_sided_tail(level)
    return Interval(
        float(anytime_lower_bounds(counts, confidence=confidence)),
        float(anytime_upper_bounds(counts, confidence=confidence)),
    )


def _stepped_down(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Counts of the steps alone, `(..., 257)`, what lies between two counted at the lower one."""
    steps = counts[..., 0::2].copy()
    steps[..., :-1] += counts[..., 1::2]
    return steps


def _log_capitals(steps: NDArray[np.int64], bounds: Floats, parts: Floats) -> Floats:
    gains = np.linspace(0.0, 1.0, STEPS + 1) / bounds[..., None] - 1
    met = steps.reshape(-1, STEPS + 1).any(axis=0)
    logs = np.log1p(parts[:, None] * gains[..., None, met])
    return np.asarray((logs * steps[..., None, met]).sum(axis=-1))


def _log_even_mean(logs: Floats) -> Floats:
    top = logs.max(axis=-1)
    return np.asarray(top + np.log(np.exp(logs - top[..., None]).mean(axis=-1)))


def _lower_bounds(steps: NDArray[np.int64], log_level: float) -> Floats:
    """The smallest bound at which the mean capital stays below a level; it falls as the bound rises."""
    low, high = np.zeros(steps.shape[:-1]), np.ones(steps.shape[:-1])
    parts = np.asarray(FRACTIONS)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_rich = _log_even_mean(_log_capitals(steps, middle, parts)) >= log_level
        low, high = np.where(is_rich, middle, low), np.where(is_rich, high, middle)
    return low
