"""How right answers probably are without labels: from confidences, or from labelled rows weighed anew.

Each estimate stands on an assumption that it names; where the assumption fails it is wrong, quietly.
Always: an interval contains its estimate and lies in [0, 1]; no rows, no estimate.
Left to others: calibrating confidences, fitting the odds that weigh rows.
Source: the expected share of right answers from calibrated confidences is their mean (DeGroot and Fienberg,
1983, The Statistician 32:12-22); self-normalised importance sampling: Owen (2013), Monte Carlo theory,
methods and examples, chapter 9.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.records import Interval
from smallcraft.stats.histograms import Histogram
from smallcraft.stats.intervals import normal_quantile, two_sided_tail

Floats = NDArray[np.float64]

CONFIDENCE_ASSUMPTION = "confidences are still calibrated: of answers given with 0.8, 80 % are right"
WEIGHT_ASSUMPTION = "rows that look alike are labelled alike: only how often each kind comes has changed"


@dataclass(frozen=True)
class PerformanceEstimate:
    """An estimated share of right answers.

    Attributes:
        value: In [0, 1].
        interval: For chance alone; the assumption is not part of it.
        n: Rows it stands on.
        effective_n: Rows of equal weight that would say as much.
        assumption: What must hold.
    """

    value: float
    interval: Interval
    n: int
    effective_n: float
    assumption: str


def accuracy_from_confidence(
    confidences: Histogram, *, level: float = 0.95, calibration_error: float = 0.0
) -> PerformanceEstimate | None:
    """Expected share of right answers of a window.

    Args:
        confidences: Of the given answers, each in [0, 1]: only its exact sums are used.
        level: Coverage of the interval, a fraction in (0, 1).
        calibration_error: By how much confidences may be off on average, as measured at release; widens the
            interval by that much on either side.

    Returns:
        None without rows.

    Raises:
        InvalidInputError: The sums are not those of numbers in [0, 1].

    >>> from smallcraft.stats.histograms import count_values
    >>> found = accuracy_from_confidence(count_values(np.full(400, 0.9)))
    >>> round(found.value, 6), round(found.interval.low, 3)
    (0.9, 0.871)
    """
    n = confidences.finite
    if n == 0:
        return None
    value = confidences.total / n
    chance = (confidences.total - confidences.squares) / n**2
    slack = 1e-9
    if not (-slack <= value <= 1 + slack and chance >= -slack and calibration_error >= 0):
        raise InvalidInputError(
            f"confidences must lie in [0, 1], got a mean of {value:g} and spread {chance:g}"
        )
    value = min(1.0, max(0.0, value))
    reach = normal_quantile(two_sided_tail(level)) * math.sqrt(max(0.0, chance)) + calibration_error
    interval = Interval(max(0.0, value - reach), min(1.0, value + reach))
    return PerformanceEstimate(value, interval, n, float(n), CONFIDENCE_ASSUMPTION)


def accuracy_by_weighting(
    is_right: NDArray[np.bool_], odds: Floats, *, level: float = 0.95
) -> PerformanceEstimate | None:
    """Share of right answers of labelled rows, each weighed by how much more often its kind comes now.

    Args:
        is_right: `(n,)` bool of the labelled rows.
        odds: `(n,)` at least 0: how many times as frequent such a row is now, up to a common factor.
        level: Coverage of the interval, a fraction in (0, 1).

    Returns:
        None without rows of some weight.

    Raises:
        InvalidInputError: Lengths differ, or a weight is below 0 or not finite.

    >>> right = np.array([True] * 90 + [False] * 10)
    >>> found = accuracy_by_weighting(right, np.where(right, 1.0, 3.0))
    >>> round(found.value, 3), round(found.effective_n, 1)
    (0.75, 80.0)
    """
    if is_right.shape != odds.shape or not np.all(np.isfinite(odds) & (odds >= 0)):
        raise InvalidInputError(
            f"weighing needs one finite weight of at least 0 a row, got {odds.shape} for {is_right.shape}"
        )
    total = float(odds.sum())
    if total == 0:
        return None
    value = float(odds @ is_right) / total
    squares = float(odds @ odds)
    effective = total * total / squares
    # Half a right and half a wrong row of mean weight keep rows that agree from looking certain.
    spread = float(odds**2 @ (is_right - value) ** 2) + 0.25 * squares / len(odds)
    reach = normal_quantile(two_sided_tail(level)) * math.sqrt(spread) / total
    interval = Interval(max(0.0, value - reach), min(1.0, value + reach))
    return PerformanceEstimate(value, interval, len(odds), effective, WEIGHT_ASSUMPTION)
