"""Average precision (area under the precision-recall steps) with an interval from influence values.

Each row's influence is the derivative of the value by that row's weight, so the spread of a mean gives the
standard error (infinitesimal jackknife), clusters and differences included.
Always: equal scores are one threshold; a perfect ranking still gets a lower bound below 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.records import Interval
from smallcraft.stats.auroc import logit_interval
from smallcraft.stats.intervals import exact_lower_bound, mean_interval, two_sided_tail
from smallcraft.stats.rankings import rank_rows

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class AveragePrecision:
    """The value and what its interval comes from.

    Attributes:
        value: In [0, 1].
        influence: `(n,)` float64 whose mean is the value.
        positives: Positive rows; of a mean over classes, of the smallest one.
        unseen: Share of the mean that belongs to classes with a single row, whose spread nothing tells.
    """

    value: float
    influence: Floats
    positives: int
    unseen: float = 0.0


def average_precision(is_positive: NDArray[np.bool_], scores: Floats) -> AveragePrecision:
    """Mean over the positive rows of the precision at their score; equals scikit-learn's.

    Args:
        is_positive: `(n,)` bool, at least one of them True.
        scores: `(n,)` float64, higher means more likely positive.

    Raises:
        InvalidInputError: No row is positive.

    Source:
        Jaeckel (1972), Bell Laboratories memorandum: the infinitesimal jackknife.

    >>> round(average_precision(np.array([True, False, True]), np.array([0.9, 0.8, 0.7])).value, 4)
    0.8333
    """
    total = int(is_positive.sum())
    if total == 0:
        raise InvalidInputError("average precision needs positive rows, got none; leave it unmeasured")
    ranking = rank_rows(is_positive, scores)
    positives = ranking.positives
    # Rows, and positive ones, at or above each score.
    called, right = (np.cumsum(part[::-1])[::-1] for part in (ranking.rows, positives))
    precision = right / called
    value = float((positives * precision).sum() / total)
    gained = np.cumsum(positives / called)
    lost = np.cumsum(positives * precision / called)
    n = len(scores)
    of_positive = value + n / total * (precision - value + gained - lost)
    of_negative = value - n / total * lost
    return AveragePrecision(value, ranking.spread(of_positive, of_negative), total)


def macro_average_precision(truth: NDArray[np.int64], probs: Floats) -> AveragePrecision:
    """Mean over the classes that occur of the average precision of that class against the rest.

    Args:
        truth: `(n,)` int64 codes in `[0, k)`, n at least 1.
        probs: `(n, k)` float64; column `c` scores class `c`.
    """
    sizes = np.bincount(truth, minlength=probs.shape[1])
    present = np.flatnonzero(sizes)
    found = [average_precision(truth == code, probs[:, code]) for code in present]
    return AveragePrecision(
        value=float(np.mean([one.value for one in found])),
        influence=np.mean([one.influence for one in found], axis=0),
        positives=int(sizes[present].min()),
        unseen=float(np.mean(sizes[present] == 1)),
    )


def average_precision_interval(
    found: AveragePrecision, *, level: float = 0.95, clusters: NDArray[np.int64] | None = None
) -> Interval:
    """Interval on the logit scale, inside [0, 1]; all of it with fewer than two positive rows.

    Where every positive row is above every negative one nothing spreads. Then the lower end is that of a
    model whose precision and recall at the dividing score are both at their exact bounds.

    Args:
        found: From `average_precision` or `macro_average_precision`.
        level: Coverage as a fraction in (0, 1).
        clusters: `(n,)` int64, equal for rows that belong together.
    """
    plain = mean_interval(found.influence, level=level, clusters=clusters)
    if plain is None or (found.positives < 2 and found.unseen in (0.0, 1.0)):
        return Interval(0.0, 1.0)
    if plain.high - found.value <= 0 or found.value >= 1:
        rows = found.positives if clusters is None else min(found.positives, len(np.unique(clusters)))
        interval = Interval(exact_lower_bound(rows, rows, confidence=_split(level)) ** 2 * found.value, 1.0)
    else:
        interval = logit_interval(found.value, plain.high - found.value)
    low, high, unseen = interval.low, interval.high, found.unseen
    return Interval(min(found.value, low - unseen * low), max(found.value, high + unseen * (1 - high)))


def average_precision_difference(
    first: AveragePrecision,
    other: AveragePrecision,
    *,
    level: float = 0.95,
    clusters: NDArray[np.int64] | None = None,
) -> Interval:
    """Interval for the difference `first - other` over the same rows.

    Where the two rankings hardly differ the interval is still no narrower than the exact bound of a share of
    the positive rows of which none was seen.
    """
    value = first.value - other.value
    plain = mean_interval(first.influence - other.influence, level=level, clusters=clusters)
    if plain is None or (first.positives < 2 and first.unseen in (0.0, 1.0)):
        return Interval(-1.0, 1.0)
    least = 1 - exact_lower_bound(first.positives, first.positives, confidence=two_sided_tail(level))
    low, high = min(plain.low, value - least), max(plain.high, value + least)
    return Interval(max(-1.0, low - first.unseen), min(1.0, high + first.unseen))


def _split(level: float) -> float:
    """One-sided confidence of each of two bounds that hold together."""
    return 1 - (1 - two_sided_tail(level)) / 2
