"""F1 of several labels a row, each row's influence on it, and intervals from these.

Numbers in, numbers out. A row's influence is the derivative of the value by that row's weight, so the spread
of a mean gives the standard error (infinitesimal jackknife), rows of one key and differences included.
Always: an interval contains the value; rows without errors are not taken for a perfect model: the lower end
is no higher than F1 would be with as many more rows in error as the exact bound of their share allows.

Source:
    Jaeckel (1972), Bell Laboratories memorandum: the infinitesimal jackknife.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from smallcraft.records import Interval
from smallcraft.stats.comparisons import Difference
from smallcraft.stats.intervals import effective_rows, exact_upper_bound, mean_interval, two_sided_tail

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TagCounts:
    """Rows of one prediction.

    Attributes:
        truth: `(n, k)` bool, n at least 1.
        called: `(n, k)` bool.
    """

    truth: NDArray[np.bool_]
    called: NDArray[np.bool_]

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        """`(n, k)` labels that are true and called."""
        return self.truth & self.called

    @cached_property
    def seen(self) -> NDArray[np.int64]:
        """`(n, k)` how often each label is true or called: 0, 1 or 2."""
        return self.truth.astype(np.int64) + self.called

    @cached_property
    def has_error(self) -> NDArray[np.bool_]:
        """`(n,)` rows whose labels are not exactly the true ones."""
        return np.asarray((self.truth != self.called).any(axis=1))


@dataclass(frozen=True)
class TagF1:
    """A mean of F1 and what its interval comes from.

    Attributes:
        value: In [0, 1].
        influence: `(n,)` float64 whose mean is the value.
    """

    value: float
    influence: Floats


TagMetric = Callable[[TagCounts], TagF1]


def micro_f1(counts: TagCounts) -> TagF1:
    """F1 over all labels of all rows together; 0 where nothing is true or called, as scikit-learn has it.

    >>> rows = np.array([[True, False], [True, True]])
    >>> round(micro_f1(TagCounts(rows, np.array([[True, True], [True, True]]))).value, 4)
    0.8571
    """
    right, seen = counts.right.sum(axis=1), counts.seen.sum(axis=1)
    return _ratio(2.0 * right[:, None].astype(np.float64), seen[:, None].astype(np.float64))


def macro_f1(counts: TagCounts) -> TagF1:
    """Mean F1 of the labels that are true or called somewhere; every label counts alike, however rare."""
    some = counts.seen.any(axis=0)
    right, seen = (part[:, some].astype(np.float64) for part in (counts.right, counts.seen))
    return _ratio(2 * right, seen)


def _ratio(above: Floats, below: Floats) -> TagF1:
    """The mean over columns of the sums' ratios."""
    n, totals = len(above), below.sum(axis=0)
    if not len(totals) or not totals.all():
        return TagF1(0.0, np.zeros(n))
    ratios = above.sum(axis=0) / totals
    influence = ratios + n * (above - ratios * below) / totals
    return TagF1(float(ratios.mean()), influence.mean(axis=1))


def f1_interval(
    counts: TagCounts, metric: TagMetric, *, level: float, clusters: NDArray[np.int64] | None = None
) -> Interval:
    """Interval of an F1, inside [0, 1]; all of it with fewer than two rows (or clusters).

    Args:
        counts: The rows.
        metric: `micro_f1` or `macro_f1`.
        level: Coverage as a fraction in (0, 1).
        clusters: `(n,)` int64, equal for rows that belong together.
    """
    found = metric(counts)
    plain = mean_interval(found.influence, level=level, clusters=clusters)
    if plain is None:
        return Interval(0.0, 1.0)
    worse = more_errors(counts.has_error, clusters, level=level)
    low = min(plain.low, metric(_losing(counts, worse)).value if worse else plain.low, found.value)
    return Interval(max(0.0, low), min(1.0, max(plain.high, found.value)))


def f1_difference(
    first: TagCounts,
    other: TagCounts,
    metric: TagMetric,
    *,
    level: float,
    clusters: NDArray[np.int64] | None = None,
) -> Difference:
    """First minus other on the same rows, with a paired interval.

    Where hardly any row tells the two apart the ends still allow for as many rows that would as the exact
    bounds of their shares do.
    """
    mine, yours = metric(first), metric(other)
    value = mine.value - yours.value
    plain = mean_interval(mine.influence - yours.influence, level=level, clusters=clusters)
    if plain is None:
        return Difference(value, Interval(-1.0, 1.0))
    wrong = [(side.truth != side.called).sum(axis=1) for side in (first, other)]
    lost = more_errors(wrong[0] > wrong[1], clusters, level=level)
    won = more_errors(wrong[0] < wrong[1], clusters, level=level)
    least = metric(_losing(first, lost)).value - yours.value if lost else plain.low
    most = mine.value - metric(_losing(other, won)).value if won else plain.high
    return Difference(value, Interval(min(plain.low, least, value), max(plain.high, most, value)))


def more_errors(hits: NDArray[np.bool_], clusters: NDArray[np.int64] | None, *, level: float) -> int:
    """How many more rows the exact upper bound of a share allows than were seen."""
    n = len(hits)
    trials = float(n) if clusters is None else effective_rows(hits, clusters, level=level)
    share = float(hits.mean())
    bound = exact_upper_bound(share * trials, trials, confidence=two_sided_tail(level))
    return int(np.ceil((bound - share) * n - 1e-9))


def _losing(counts: TagCounts, rows: int) -> TagCounts:
    """The counts with a right label taken from so many rows, spread evenly over the rows that have one."""
    able = np.flatnonzero(counts.right.any(axis=1))
    if not len(able):
        return counts
    chosen = able[np.linspace(0, len(able) - 1, min(rows, len(able))).astype(np.int64)]
    called = counts.called.copy()
    called[chosen, counts.right[chosen].argmax(axis=1)] = False
    return TagCounts(counts.truth, called)
