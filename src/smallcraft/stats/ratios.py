"""Ratios of costs between runs: geometric mean, interval over pairs of runs, and balanced orders of runs.

A run is one fresh process; requests within it share its luck (where memory lies, what else the machine does),
so the runs are what is counted. Logs make `a / b` and `b / a` one statement and noise that multiplies
symmetric.
Always: two samples of the same thing have the ratio 1 inside the interval in at least `level` of the cases,
when pairs are independent and their log-ratios symmetric about 0; heavier tails than the normal widen the
interval.
Not covered: pairs that depend on each other (a machine that slows down over all of them cancels in a balanced
order only as far as the slowing is linear).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from smallcraft.errors import InvalidInputError
from smallcraft.records import Interval
from smallcraft.stats.intervals import mean_interval, two_sided_tail


@dataclass(frozen=True)
class RatioEstimate:
    """A ratio with its interval.

    Attributes:
        ratio: Geometric mean of the ratios.
        interval: Two-sided.
        n: Pairs, or runs, that it rests on.
        level: Coverage of the interval as a fraction.
    """

    ratio: float
    interval: Interval
    n: int
    level: float

    @property
    def excludes_one(self) -> bool:
        """True when the interval shows that the two differ."""
        return not self.interval.low <= 1.0 <= self.interval.high


def paired_ratio(
    above: NDArray[np.float64], below: NDArray[np.float64], *, level: float = 0.99
) -> RatioEstimate:
    """Ratio `above / below` over pairs of runs: Student t on the mean of the log-ratios.

    Args:
        above: `(n,)` costs, above 0, n at least 2.
        below: `(n,)` costs of the same pairs.
        level: Coverage as a fraction in (0, 1).

    Raises:
        InvalidInputError: Unequal lengths, fewer than two pairs, or a cost that is not above 0.

    Source:
        Student (1908), Biometrika 6:1-25; that symmetric heavy tails make it cautious: Efron (1969), JASA
        64:1278-1302.

    >>> found = paired_ratio(np.array([2.0, 2.2, 1.8]), np.array([1.0, 1.0, 1.0]), level=0.95)
    >>> round(found.ratio, 3), found.excludes_one
    (1.993, True)
    """
    logs = _log_ratios(above, below)
    interval = mean_interval(logs, level=level)
    assert interval is not None
    bounds = Interval(math.exp(interval.low), math.exp(interval.high))
    return RatioEstimate(math.exp(float(logs.mean())), bounds, len(logs), level)


def halves_ratio(
    above: NDArray[np.float64], below: NDArray[np.float64], *, level: float = 0.99
) -> RatioEstimate | None:
    """Ratio between two unpaired sets of runs of one thing: pooled Student t on logs.

    Args:
        above: `(n,)` costs, above 0.
        below: `(m,)` costs, above 0.
        level: Coverage as a fraction in (0, 1).

    Returns:
        The estimate, None where there are fewer than three runs, so that no spread is seen.

    Raises:
        InvalidInputError: An empty set, or a cost that is not above 0.

    >>> halves_ratio(np.array([1.0, 1.1]), np.array([1.05])).excludes_one
    False
    """
    logs = [_logs(above), _logs(below)]
    n = len(logs[0]) + len(logs[1])
    if n < 3:
        return None
    squares = sum(float(np.sum((values - values.mean()) ** 2)) for values in logs)
    error = math.sqrt(squares / (n - 2) * sum(1 / len(values) for values in logs))
    reach = float(special.stdtrit(n - 2, two_sided_tail(level))) * error
    centre = float(logs[0].mean() - logs[1].mean())
    bounds = Interval(math.exp(centre - reach), math.exp(centre + reach))
    return RatioEstimate(math.exp(centre), bounds, n, level)


def mirrored_order(names: tuple[str, ...], rng: np.random.Generator) -> tuple[str, ...]:
    """One block of runs: the names in a drawn order, then in the reverse: linear drift cancels.

    >>> order = mirrored_order(("a", "b"), np.random.default_rng(0))
    >>> order == order[::-1], sorted(order)
    (True, ['a', 'a', 'b', 'b'])
    """
    drawn = tuple(names[i] for i in rng.permutation(len(names)))
    return drawn + drawn[::-1]


def balanced_halves(n: int) -> NDArray[np.bool_]:
    """Which of `n` runs in time order belong to the first half: ABBA by fours, ABABA for an odd number.

    Args:
        n: At least 2.

    >>> ["".join("BA"[i] for i in balanced_halves(n).tolist()) for n in (4, 5)]
    ['ABBA', 'ABABA']
    """
    if n < 2:
        raise InvalidInputError(f"two halves need at least 2 runs, got {n}")
    places = np.arange(n)
    return places % 2 == 0 if n % 2 else np.isin(places % 4, (0, 3))


def _log_ratios(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(above) != len(below) or len(above) < 2:
        raise InvalidInputError(
            f"a paired ratio needs at least two pairs, got {len(above)} and {len(below)} costs; run more"
        )
    difference: NDArray[np.float64] = _logs(above) - _logs(below)
    return difference


def _logs(costs: NDArray[np.float64]) -> NDArray[np.float64]:
    values = np.asarray(costs, dtype=np.float64)
    if not len(values) or not np.all(np.isfinite(values) & (values > 0)):
        raise InvalidInputError(
            f"costs in a ratio must be finite and above 0, got {values.tolist()}; "
            "leave out what was not measured"
        )
    logs: NDArray[np.float64] = np.log(values)
    return logs
