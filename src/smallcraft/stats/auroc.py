"""Area under the ROC curve with DeLong's variance, for one curve and for two on the same rows.

Everything comes from one influence value a row, whose mean is the area; so rows that share a cluster and
differences of two curves need no further formula.
Always: ties count one half; an area of exactly 0 or 1 still gets an interval (exact, from disjoint pairs).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from smallcraft.errors import InvalidInputError
from smallcraft.records import Interval
from smallcraft.stats.intervals import (
    clopper_pearson_interval,
    mean_interval,
    normal_quantile,
    two_sided_tail,
)


@dataclass(frozen=True)
class RocArea:
    """The area and `(n,)` influence values whose mean is the area."""

    value: float
    influence: NDArray[np.float64]
    positives: int


def roc_area(is_positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> RocArea:
    """Probability that a positive row scores above a negative one, in O(n log n).

    Args:
        is_positive: `(n,)` bool with both values present.
        scores: `(n,)` float64, higher means more likely positive.

    Raises:
        InvalidInputError: Only one class is present.

    Source:
        DeLong, DeLong, Clarke-Pearson (1988), Biometrics 44:837-845; ranks as in Sun and Xu (2014),
        IEEE Signal Processing Letters 21:1389-1393.

    >>> roc_area(np.array([False, True, True]), np.array([0.1, 0.1, 0.9])).value
    0.75
    """
    positives, n = int(is_positive.sum()), len(is_positive)
    negatives = n - positives
    if positives == 0 or negatives == 0:
        raise InvalidInputError(
            f"the area under the ROC curve needs both classes, got {positives} positive and {negatives} "
            "negative rows; leave it unmeasured"
        )
    ranks = stats.rankdata(scores)
    above = np.empty(n)
    above[is_positive] = (ranks[is_positive] - stats.rankdata(scores[is_positive])) / negatives
    below = ranks[~is_positive] - stats.rankdata(scores[~is_positive])
    above[~is_positive] = 1 - below / positives
    area = float(above[is_positive].mean())
    # The last factors turn the one `n / (n - 1)` of a plain mean into DeLong's one for each class.
    weight_positive = n / positives * math.sqrt(positives / max(positives - 1, 1) * (n - 1) / n)
    weight_negative = n / negatives * math.sqrt(negatives / max(negatives - 1, 1) * (n - 1) / n)
    weight = np.where(is_positive, weight_positive, weight_negative)
    return RocArea(area, area + (above - area) * weight, positives)


def roc_area_interval(
    area: RocArea, *, level: float = 0.95, clusters: NDArray[np.int64] | None = None
) -> Interval:
    """DeLong's interval on the logit scale, inside [0, 1].

    At an area of 0 or 1 it is the exact interval of as many disjoint pairs, all of which agree, so a perfect
    sample is not taken for a perfect model. With fewer than two rows of a class it is all of [0, 1].

    Args:
        area: From `roc_area`.
        level: Coverage as a fraction in (0, 1).
        clusters: `(n,)` int64, equal for rows that belong together.
    """
    pairs = min(area.positives, len(area.influence) - area.positives)
    if clusters is not None:
        pairs = max(1, min(pairs, len(np.unique(clusters)) // 2))
    plain = mean_interval(area.influence, level=level, clusters=clusters)
    if plain is None or pairs < 2:
        return Interval(0.0, 1.0)
    perfect = clopper_pearson_interval(pairs, pairs, level=level)
    if area.value in (0.0, 1.0):
        return Interval(0.0, 1 - perfect.low) if area.value == 0.0 else Interval(perfect.low, 1.0)
    logit = math.log(area.value / (1 - area.value))
    reach = (plain.high - area.value) / (area.value * (1 - area.value))
    return Interval(float(special.expit(logit - reach)), float(special.expit(logit + reach)))


def roc_area_difference(
    first: RocArea,
    other: RocArea,
    *,
    level: float = 0.95,
    clusters: NDArray[np.int64] | None = None,
) -> Interval:
    """DeLong's interval for the difference `first - other` of two areas over the same rows.

    Where the two curves agree on almost all pairs the variance vanishes; the interval then keeps the width
    that one disagreeing pair more, among the disjoint pairs, would give.
    """
    value = first.value - other.value
    plain = mean_interval(first.influence - other.influence, level=level, clusters=clusters)
    pairs = min(first.positives, len(first.influence) - first.positives)
    if plain is None or pairs < 2:
        return Interval(-1.0, 1.0)
    least = normal_quantile(two_sided_tail(level)) / (2 * pairs)
    return Interval(max(-1.0, min(plain.low, value - least)), min(1.0, max(plain.high, value + least)))
