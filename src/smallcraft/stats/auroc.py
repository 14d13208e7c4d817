"""Area under the ROC curve with DeLong's variance: one curve, two on the same rows, or a mean over classes.

Everything comes from one influence value a row, whose mean is the area; so rows that share a cluster,
differences of two curves and means over classes need no further formula.
Always: ties count one half; an area of exactly 0 or 1 still gets an interval (exact, from disjoint pairs).
Left to others: more rows than one wants to sort (`stats.score_bins`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from smallcraft.errors import InvalidInputError
from smallcraft.records import Interval
from smallcraft.stats.intervals import (
    clopper_pearson_interval,
    mean_interval,
    normal_quantile,
    two_sided_tail,
)
from smallcraft.stats.rankings import rank_rows

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RocArea:
    """The area and what its interval comes from.

    Attributes:
        value: In [0, 1].
        influence: `(n,)` float64 whose mean is the area.
        positives: Rows of the positive class; of a mean over classes, of the smallest one.
        pairs: Pairs of a positive and a negative row that share no row.
        unseen: Share of the mean that belongs to classes with a single row, whose spread nothing tells.
    """

    value: float
    influence: Floats
    positives: int
    pairs: int
    unseen: float = 0.0


def areas_of_groups(positives: Floats, negatives: Floats) -> tuple[Floats, Floats, Floats]:
    """Areas from counts of rows by score, lowest first.

    Args:
        positives: `(..., g)` positive rows of each score or bin; more than none over all.
        negatives: `(..., g)` negative rows, likewise.

    Returns:
        The areas `(...)`; for a positive row of each group `(..., g)` the share of negative rows below it;
        for a negative row the share of positive rows above it. Ties count one half.
    """
    all_positive = positives.sum(axis=-1, keepdims=True)
    all_negative = negatives.sum(axis=-1, keepdims=True)
    below = (np.cumsum(negatives, axis=-1) - negatives / 2) / all_negative
    above = 1 - (np.cumsum(positives, axis=-1) - positives / 2) / all_positive
    return np.asarray((positives * below).sum(axis=-1) / all_positive[..., 0]), below, above


def roc_area(is_positive: NDArray[np.bool_], scores: Floats) -> RocArea:
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
    ranking = rank_rows(is_positive, scores)
    found, below, above = areas_of_groups(ranking.positives, ranking.rows - ranking.positives)
    area = float(found)
    # The last factors turn the one `n / (n - 1)` of a plain mean into DeLong's one for each class.
    weight_positive = n / positives * math.sqrt(positives / max(positives - 1, 1) * (n - 1) / n)
    weight_negative = n / negatives * math.sqrt(negatives / max(negatives - 1, 1) * (n - 1) / n)
    influence = ranking.spread(
        area + (below - area) * weight_positive, area + (above - area) * weight_negative
    )
    return RocArea(area, influence, positives, min(positives, negatives))


def macro_roc_area(truth: NDArray[np.int64], probs: Floats) -> RocArea:
    """Mean over the classes that occur of the area of that class against the rest.

    Equals scikit-learn's `roc_auc_score(multi_class="ovr", average="macro")` over those classes.

    Args:
        truth: `(n,)` int64 codes in `[0, k)`, at least two of them different.
        probs: `(n, k)` float64; column `c` scores class `c`.

    Raises:
        InvalidInputError: There are rows of one class only.
    """
    sizes = np.bincount(truth, minlength=probs.shape[1])
    present = np.flatnonzero(sizes)
    areas = [roc_area(truth == code, probs[:, code]) for code in present]
    smallest = int(sizes[present].min())
    # Half of each class paired with half of the next one: each class has as many pairs, no row is used twice.
    pairs = len(present) * (smallest // 2) if len(present) > 2 else smallest
    return RocArea(
        value=float(np.mean([area.value for area in areas])),
        influence=np.mean([area.influence for area in areas], axis=0),
        positives=smallest,
        pairs=max(1, pairs),
        unseen=float(np.mean(sizes[present] == 1)),
    )


def roc_area_interval(
    area: RocArea, *, level: float = 0.95, clusters: NDArray[np.int64] | None = None
) -> Interval:
    """DeLong's interval on the logit scale, inside [0, 1].

    At an area of 0 or 1 it is the exact interval of as many disjoint pairs, all of which agree, so a perfect
    sample is not taken for a perfect model. With fewer than two rows of a class it is all of [0, 1]; of a
    mean over classes, a class with a single row may be anything.

    Args:
        area: From `roc_area` or `macro_roc_area`.
        level: Coverage as a fraction in (0, 1).
        clusters: `(n,)` int64, equal for rows that belong together.
    """
    pairs = area.pairs if clusters is None else max(1, min(area.pairs, len(np.unique(clusters)) // 2))
    plain = mean_interval(area.influence, level=level, clusters=clusters)
    if plain is None or (pairs < 2 and area.unseen in (0.0, 1.0)):
        return Interval(0.0, 1.0)
    perfect = clopper_pearson_interval(pairs, pairs, level=level)
    if area.value in (0.0, 1.0):
        found = Interval(0.0, 1 - perfect.low) if area.value == 0.0 else Interval(perfect.low, 1.0)
    else:
        found = logit_interval(area.value, plain.high - area.value)
    return Interval(
        max(0.0, found.low - area.unseen * found.low), min(1.0, found.high + area.unseen * (1 - found.high))
    )


def logit_interval(value: float, reach: float) -> Interval:
    """An interval of half width `reach`, by way of the logit scale, so that it stays inside (0, 1)."""
    logit, scaled = math.log(value / (1 - value)), reach / (value * (1 - value))
    return Interval(float(special.expit(logit - scaled)), float(special.expit(logit + scaled)))


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
    if plain is None or (first.pairs < 2 and first.unseen in (0.0, 1.0)):
        return Interval(-1.0, 1.0)
    least = normal_quantile(two_sided_tail(level)) / (2 * first.pairs)
    low = min(plain.low, value - least) - first.unseen
    return Interval(max(-1.0, low), min(1.0, max(plain.high, value + least) + first.unseen))
