"""Errors of numbers: mean absolute, root mean square, and the share of the variance explained.

Numbers in, numbers out. Intervals are Student t intervals of means, over keys where rows share one: of the
absolute errors, of the squared ones (the root taken at the end, on a log scale where that is wider), or of
each row's influence on a ratio.
Always: an interval contains the value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.records import Interval
from smallcraft.stats.comparisons import Difference
from smallcraft.stats.intervals import mean_interval

Floats = NDArray[np.float64]
Clusters = NDArray[np.int64] | None


@dataclass(frozen=True)
class ValueMetric:
    """A mean over rows, or a smooth function of means.

    Attributes:
        influence: From truth and predicted, `(n,)` whose mean is the value (of `rmse`: its square).
        scale: From truth, what a difference is divided by: the error of always answering the mean.
        is_error: Whether lower is better.
    """

    influence: Callable[[Floats, Floats], Floats]
    scale: Callable[[Floats], float]
    is_error: bool


def value_of(name: str, truth: Floats, predicted: Floats) -> float:
    """A metric's value.

    Args:
        name: `mae`, `rmse` or `r2`.
        truth: `(n,)` float64, n at least 1; of `r2` not all equal.
        predicted: `(n,)` float64.

    >>> value_of("mae", np.array([1.0, 3.0]), np.array([2.0, 1.0]))
    1.5
    """
    mean = float(METRICS[name].influence(truth, predicted).mean())
    return float(np.sqrt(mean)) if name == "rmse" else mean


def value_interval(
    name: str, truth: Floats, predicted: Floats, *, level: float, clusters: Clusters = None
) -> Interval | None:
    """Its interval; None with fewer than two rows (or clusters)."""
    plain = mean_interval(METRICS[name].influence(truth, predicted), level=level, clusters=clusters)
    if plain is None:
        return None
    if name == "r2":
        return Interval(plain.low, min(1.0, plain.high))
    low, high = max(0.0, plain.low), plain.high
    return _root_interval(plain) if name == "rmse" else Interval(low, high)


def _root_interval(square: Interval) -> Interval:
    """The root's interval from that of a mean square: at each end the wider of a plain and a log scale.

    Few large errors make the mean square skewed, and the plain upper end too low.
    """
    mean, reach = (square.low + square.high) / 2, (square.high - square.low) / 2
    if mean <= 0:
        return Interval(0.0, 0.0)
    factor = float(np.exp(reach / mean))
    low, high = min(square.low, mean / factor), max(square.high, mean * factor)
    return Interval(float(np.sqrt(max(0.0, low))), float(np.sqrt(high)))


def value_difference(
    name: str, truth: Floats, first: Floats, other: Floats, *, level: float, clusters: Clusters = None
) -> Difference:
    """How much better the first is on the same rows, as a share of the error of always answering the mean.

    Args:
        name: `mae`, `rmse` or `r2` (which is such a share itself).
        truth: `(n,)` float64, not all equal.
        first: `(n,)` float64.
        other: `(n,)` float64.
        level: Coverage as a fraction in (0, 1).
        clusters: `(n,)` int64, equal for rows that belong together.
    """
    metric = METRICS[name]
    sides = [_linear(name, truth, predicted) for predicted in (first, other)]
    gained = (sides[1] - sides[0] if metric.is_error else sides[0] - sides[1]) / metric.scale(truth)
    value = float(gained.mean())
    interval = mean_interval(gained, level=level, clusters=clusters)
    return Difference(value, interval or Interval(-np.inf, np.inf))


def _linear(name: str, truth: Floats, predicted: Floats) -> Floats:
    """Each row's influence on the value itself; that of a root is the square's over twice the root."""
    influence = METRICS[name].influence(truth, predicted)
    if name != "rmse":
        return influence
    root = float(np.sqrt(influence.mean()))
    return influence if root == 0 else root + (influence - root**2) / (2 * root)


def _absolute(truth: Floats, predicted: Floats) -> Floats:
    return np.asarray(np.abs(truth - predicted))


def _squared(truth: Floats, predicted: Floats) -> Floats:
    return np.asarray((truth - predicted) ** 2)


def _explained(truth: Floats, predicted: Floats) -> Floats:
    errors, spread = _squared(truth, predicted), (truth - truth.mean()) ** 2
    total = float(spread.mean())
    left = float(errors.mean()) / total
    return np.asarray(1 - left - (errors - left * spread) / total)


METRICS: Mapping[str, ValueMetric] = {
    "mae": ValueMetric(
        _absolute, lambda truth: float(np.abs(truth - truth.mean()).mean()) or 1.0, is_error=True
    ),
    "rmse": ValueMetric(_squared, lambda truth: float(truth.std()) or 1.0, is_error=True),
    "r2": ValueMetric(_explained, lambda _: 1.0, is_error=False),
}
