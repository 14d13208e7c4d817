"""Predictions counted once into a sparse table of cells; count metrics and their bootstrap come from it.

A cell is a combination (truth, predicted) or (truth, predicted, other's prediction) that occurs, with how
often. Drawing n rows with replacement and counting them is one multinomial draw over the cells, so a
bootstrap costs O(replicates x cells) whatever n is. Where rows share a cluster, whole clusters are drawn;
clusters of the same make-up are drawn together, so many small clusters stay cheap.
Always: counts are exact; truth code -1 (a label the model does not know) is never right, counts against the
class that was predicted, and is not itself averaged over in macro-F1.
Left to others: the comparison of two predictions (`stats.comparisons`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

from smallcraft.errors import InvalidInputError
from smallcraft.records import Interval
from smallcraft.stats.intervals import effective_rows, exact_upper_bound, normal_quantile, two_sided_tail

Counts = NDArray[np.float64]
Statistic = Callable[[Counts], NDArray[np.float64]]

_DENSE_KEYS = 1 << 20
_JACKKNIFE_CELLS = 500
_BLOCK_NUMBERS = 1 << 22


@dataclass(frozen=True)
class Cells:
    """Which combinations occur and how often.

    Attributes:
        truth: `(m,)` int64 codes, -1 for a label that is none of the classes.
        predicted: `(m,)` int64 codes.
        other: `(m,)` int64 codes of a second prediction; None when there is one only.
        counts: `(m,)` int64, at least 1 each.
        n_classes: How many classes there are, `k`.
        clusters: How the rows hang together; None when each stands alone.
    """

    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    other: NDArray[np.int64] | None
    counts: NDArray[np.int64]
    n_classes: int
    clusters: ClusterProfiles | None = None

    @property
    def n(self) -> int:
        """How many rows were counted."""
        return int(self.counts.sum())

    def swapped(self) -> Cells:
        """The same cells seen from the other prediction.

        Raises:
            InvalidInputError: There is one prediction only.
        """
        if self.other is None:
            raise InvalidInputError("these cells hold one prediction; count them with `other=`")
        return Cells(self.truth, self.other, self.predicted, self.counts, self.n_classes, self.clusters)


@dataclass(frozen=True)
class ClusterProfiles:
    """Clusters by make-up: how many clusters there are of each profile, and the cells of one.

    Attributes:
        counts: `(p,)` int64 clusters of each profile.
        table: `(p, m)` sparse float64, rows of each cell in one cluster of the profile.
        effective_n: Independent rows that tell as much about the share of right answers as all rows do.
    """

    counts: NDArray[np.int64]
    table: sparse.csr_array
    effective_n: float


@dataclass(frozen=True)
class ClassCounts:
    """Right, true and predicted rows of each class; arrays `(..., k)`."""

    right: NDArray[np.float64]
    true: NDArray[np.float64]
    called: NDArray[np.float64]


def count_cells(
    truth: NDArray[np.int64],
    predicted: NDArray[np.int64],
    n_classes: int,
    other: NDArray[np.int64] | None = None,
    *,
    clusters: NDArray[np.int64] | None = None,
) -> Cells:
    """Reduce predictions to cells in one pass.

    Args:
        truth: `(n,)` int64 codes in `[-1, n_classes)`, n at least 1.
        predicted: `(n,)` int64 codes in `[0, n_classes)`.
        n_classes: Number of classes, at least 1.
        other: `(n,)` int64 codes of a second prediction for the same rows.
        clusters: `(n,)` int64, equal for rows that belong together.

    Raises:
        InvalidInputError: Lengths differ, there are no rows, or a code is out of range.

    >>> cells = count_cells(np.array([0, 0, 1]), np.array([0, 1, 1]), 2)
    >>> cells.counts.tolist(), accuracy(cells)
    ([1, 1, 1], 0.6666666666666666)
    """
    columns = [truth, predicted] if other is None else [truth, predicted, other]
    _require_codes(columns, n_classes)
    keys = truth + 1
    for column in columns[1:]:
        keys = keys * n_classes + column
    n_keys = (n_classes + 1) * n_classes ** (len(columns) - 1)
    if n_keys <= max(_DENSE_KEYS, 4 * len(truth)):
        dense = np.bincount(keys, minlength=n_keys)
        found = np.flatnonzero(dense)
        counts = dense[found]
    else:
        found, counts = np.unique(keys, return_counts=True)
    rest, last = np.divmod(found, n_classes)
    second = None
    if other is not None:
        second = last
        rest, last = np.divmod(rest, n_classes)
    profiles = None
    if clusters is not None:
        profiles = _profile_clusters(np.searchsorted(found, keys), clusters, truth == predicted, len(found))
    return Cells(rest - 1, last, second, counts.astype(np.int64), n_classes, profiles)


def class_counts(cells: Cells, counts: Counts | None = None) -> ClassCounts:
    """Right, true and predicted rows of each class, of the cells' own counts or of drawn ones `(..., m)`."""
    weights = np.asarray(cells.counts if counts is None else counts, dtype=np.float64)
    k, every = cells.n_classes, np.arange(len(cells.truth))
    known, right = cells.truth >= 0, cells.truth == cells.predicted
    # Three blocks of k sums (right, true, called) in one product.
    sums = np.concatenate([cells.truth[right], k + cells.truth[known], 2 * k + cells.predicted])
    places = np.concatenate([every[right], every[known], every])
    adder = sparse.csr_array((np.ones(len(sums)), (sums, places)), shape=(3 * k, len(every)))
    found = np.asarray((adder @ weights.T).T)
    return ClassCounts(found[..., :k], found[..., k : 2 * k], found[..., 2 * k :])


def accuracy(cells: Cells) -> float:
    """Share of rows whose prediction is the truth."""
    return int(cells.counts[cells.truth == cells.predicted].sum()) / cells.n


def accuracies(cells: Cells, counts: Counts) -> NDArray[np.float64]:
    """Accuracy of each drawn table: counts `(b, m)` to `(b,)`."""
    right = counts[..., cells.truth == cells.predicted].sum(axis=-1)
    return np.asarray(right / counts.sum(axis=-1))


def macro_f1(cells: Cells) -> float:
    """Mean F1 of the classes that occur in truth or prediction; a class never right has F1 0.

    Equals scikit-learn's `f1_score(average="macro", zero_division=0)` over those classes.

    >>> macro_f1(count_cells(np.array([0, 0, 1]), np.array([0, 1, 1]), 2))
    0.6666666666666666
    """
    return float(macro_f1s(cells, cells.counts.astype(np.float64)))


def macro_f1s(cells: Cells, counts: Counts) -> NDArray[np.float64]:
    """Macro-F1 of each drawn table: counts `(b, m)` to `(b,)`."""
    return _mean_f1(class_counts(cells, counts))


def f1_by_class(cells: Cells) -> NDArray[np.float64]:
    """F1 of each class `(k,)`; NaN for a class in neither truth nor prediction."""
    found = class_counts(cells)
    both = found.true + found.called
    blank = np.full(cells.n_classes, np.nan)
    return np.asarray(np.divide(2 * found.right, both, out=blank, where=both > 0))


def matthews(cells: Cells) -> float:
    """Matthews correlation (R_K for more than two classes); 0 where truth or prediction is constant.

    Source:
        Gorodkin (2004), Computational Biology and Chemistry 28:367-374.

    >>> round(matthews(count_cells(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 2)), 4)
    0.5774
    """
    found, n = class_counts(cells), float(cells.n)
    unknown = n - found.true.sum()
    covariance = found.right.sum() * n - float(found.true @ found.called)
    spread_true = n * n - float(found.true @ found.true) - unknown**2
    spread_called = n * n - float(found.called @ found.called)
    if spread_true <= 0 or spread_called <= 0:
        return 0.0
    return float(covariance / np.sqrt(spread_true * spread_called))


def draw_counts(cells: Cells, replicates: int, *, rng: np.random.Generator) -> Counts:
    """Counts of bootstrap samples `(replicates, m)`: rows, or whole clusters, with replacement."""
    if cells.clusters is None:
        return rng.multinomial(cells.n, cells.counts / cells.n, size=replicates).astype(np.float64)
    groups = cells.clusters.counts
    drawn = rng.multinomial(groups.sum(), groups / groups.sum(), size=replicates)
    return np.asarray(drawn.astype(np.float64) @ cells.clusters.table)


def bootstrap_interval(
    cells: Cells, statistic: Statistic, *, level: float, rng: np.random.Generator, replicates: int = 1000
) -> Interval:
    """Bootstrap interval of a statistic of the counts: at each end the wider of percentile and BCa.

    Each alone misses too often somewhere: the percentile interval where the statistic is biased and skewed,
    BCa where a class has a row or two and a jackknife jumps. Chosen by simulated coverage of macro-F1.
    The acceleration is a jackknife over cells (over profiles when clustered); above 500 of them it is 0.

    Args:
        cells: At least one row.
        statistic: Counts `(b, m)` to values `(b,)`.
        level: Coverage as a fraction in (0, 1).
        rng: Source of the draws.
        replicates: How many samples are drawn.

    Source:
        Efron (1987), JASA 82:171-185.
    """
    tail = 1 - two_sided_tail(level)
    point = float(statistic(cells.counts.astype(np.float64)[None, :])[0])
    draws = np.sort(_draw_statistic(cells, statistic, replicates, rng=rng))
    below = (np.count_nonzero(draws < point) + np.count_nonzero(draws <= point)) / (2 * replicates)
    bias = normal_quantile(min(max(below, 1 / replicates), 1 - 1 / replicates))
    acceleration = _acceleration(cells, statistic)
    ends = [tail, 1 - tail]
    for probability in (tail, 1 - tail):
        shifted = bias + normal_quantile(probability)
        scaled = shifted / max(1 - acceleration * shifted, 0.1)
        ends.append(float(special.ndtr(bias + scaled)))
    low, high, corrected_low, corrected_high = np.quantile(draws, ends)
    return Interval(float(min(low, corrected_low)), float(max(high, corrected_high)))


def macro_f1_interval(
    cells: Cells, *, level: float = 0.95, rng: np.random.Generator, replicates: int = 1000
) -> Interval:
    """Bootstrap interval of macro-F1 that stays honest when few or no errors were seen.

    A sample without errors draws only samples without errors. So the lower end is never above the macro-F1
    that the table would have with as many errors as the exact upper bound of the error rate allows, spread
    over the classes as the rows are; the upper end likewise with the exact bound of the share of right rows.

    Args:
        cells: At least one row.
        level: Coverage as a fraction in (0, 1).
        rng: Source of the draws.
        replicates: How many samples are drawn.
    """
    drawn = bootstrap_interval(
        cells, lambda counts: macro_f1s(cells, counts), level=level, rng=rng, replicates=replicates
    )
    point, errors = macro_f1(cells), 1 - accuracy(cells)
    confidence = two_sided_tail(level)
    more_errors = share_upper_bound(errors, cells, confidence=confidence) - errors
    more_right = share_upper_bound(1 - errors, cells, confidence=confidence) - (1 - errors)
    return Interval(
        max(0.0, min(drawn.low, macro_f1_after(cells, more_errors), point)),
        min(1.0, max(drawn.high, macro_f1_after(cells, -more_right), point)),
    )


def share_upper_bound(share: float, cells: Cells, *, confidence: float) -> float:
    """Exact upper bound of a share of the rows, counting clustered rows by what they are worth."""
    trials = float(cells.n) if cells.clusters is None else cells.clusters.effective_n
    return exact_upper_bound(min(share * trials, trials), trials, confidence=confidence)


def macro_f1_after(cells: Cells, errors: float) -> float:
    """Macro-F1 after a share of the rows turned from right to wrong (negative: from wrong to right).

    Right rows go wrong in proportion to the right rows of each class, to predictions spread as those of the
    other classes are; wrong rows of known classes come right in proportion.
    """
    found = class_counts(cells)
    if errors >= 0:
        pool = found.right
        lost = pool * min(1.0, errors * cells.n / pool.sum()) if pool.sum() else np.zeros_like(pool)
        called = found.called - lost + lost.sum() * found.called / found.called.sum()
        return float(_mean_f1(ClassCounts(found.right - lost, found.true, called)))
    pool = found.true - found.right
    won = pool * min(1.0, -errors * cells.n / pool.sum()) if pool.sum() else np.zeros_like(pool)
    astray = found.called - found.right
    taken = astray * (won.sum() / astray.sum()) if astray.sum() else astray
    return float(_mean_f1(ClassCounts(found.right + won, found.true, found.called + won - taken)))


def _mean_f1(found: ClassCounts) -> NDArray[np.float64]:
    both = found.true + found.called
    shares = np.divide(2 * found.right, both, out=np.zeros_like(both), where=both > 0)
    return np.asarray(shares.sum(axis=-1) / np.maximum(np.count_nonzero(both > 0, axis=-1), 1))


def _draw_statistic(
    cells: Cells, statistic: Statistic, replicates: int, *, rng: np.random.Generator
) -> NDArray[np.float64]:
    """The statistic of bootstrap samples, drawn in blocks so that many cells do not fill the memory."""
    block = max(1, _BLOCK_NUMBERS // len(cells.counts))
    sizes = [min(block, replicates - done) for done in range(0, replicates, block)]
    return np.concatenate([statistic(draw_counts(cells, size, rng=rng)) for size in sizes])


def _acceleration(cells: Cells, statistic: Statistic) -> float:
    if cells.clusters is None:
        repeats, parts = cells.counts, np.eye(len(cells.counts))
    else:
        repeats = cells.clusters.counts
        if len(repeats) > _JACKKNIFE_CELLS:
            return 0.0
        parts = cells.clusters.table.toarray()
    if len(repeats) > _JACKKNIFE_CELLS or repeats.sum() < 2:
        return 0.0
    values = statistic(cells.counts.astype(np.float64) - parts)
    away = np.average(values, weights=repeats) - values
    spread = float(np.sum(repeats * away**2))
    return float(np.sum(repeats * away**3)) / (6 * spread**1.5) if spread > 0 else 0.0


def _profile_clusters(
    rows: NDArray[np.int64], clusters: NDArray[np.int64], right: NDArray[np.bool_], n_cells: int
) -> ClusterProfiles:
    """Group clusters whose rows fall into the same cells equally often.

    Equal make-up is recognised by the sum of a fixed random 64-bit word for each cell, so that two different
    make-ups meet with a chance of about (clusters ** 2) / 2 ** 64.
    """
    if len(clusters) != len(rows):
        raise InvalidInputError(
            f"clusters must have one entry a row, got {len(clusters)} for {len(rows)} rows"
        )
    codes = np.unique(clusters, return_inverse=True)[1]
    groups = int(codes.max()) + 1
    words = np.random.default_rng(20260101).integers(0, 2**63, size=n_cells, dtype=np.uint64)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(groups))
    sums = np.add.reduceat(words[rows[order]], starts)
    _, first, counts = np.unique(sums, return_index=True, return_counts=True)
    profile_of = np.full(groups, -1)
    profile_of[first] = np.arange(len(first))
    shown = np.flatnonzero(profile_of[codes] >= 0)
    table = sparse.csr_array(
        (np.ones(len(shown)), (profile_of[codes[shown]], rows[shown])), shape=(len(first), n_cells)
    )
    return ClusterProfiles(counts.astype(np.int64), table, effective_rows(right, clusters, level=0.95))


def _require_codes(columns: list[NDArray[np.int64]], n_classes: int) -> None:
    lengths = {len(column) for column in columns}
    if len(lengths) != 1 or 0 in lengths:
        raise InvalidInputError(
            f"truth and predictions need one code a row and at least one row, got lengths "
            f"{[len(column) for column in columns]}"
        )
    for column, least in zip(columns, (-1, 0, 0), strict=False):
        low, high = int(column.min()), int(column.max())
        if low < least or high >= n_classes:
            raise InvalidInputError(
                f"codes must lie in [{least}, {n_classes}), got {low} to {high}; "
                "encode the labels by their place in `classes`"
            )
