"""Predictions counted once into a sparse table of cells; count metrics and their bootstrap come from it.

A cell is a combination (truth, predicted) or (truth, predicted, other's prediction) that occurs, with how
often: all that a count metric can depend on. Where rows share a cluster, clusters of the same make-up are
kept together, so many small clusters stay cheap.
Always: counts are exact; only cells that occur are kept; truth code -1 (a label the model does not know) is
never right.
Left to others: what follows from the counts (`stats.class_metrics`), bootstrap samples of them
(`stats.cell_bootstrap`), many slices at once (`stats.sliced_cells`), two predictions (`stats.comparisons`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from smallcraft.errors import InvalidInputError
from smallcraft.stats.class_metrics import ClassCounts
from smallcraft.stats.intervals import effective_rows

Counts = NDArray[np.float64]

DENSE_KEYS = 1 << 20
# Fewer rows than these are counted before a compiled loop would be loaded.
COMPILED_ROWS = 1 << 16


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

    >>> count_cells(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).counts.tolist()
    [1, 1, 1]
    """
    columns = (truth, predicted) if other is None else (truth, predicted, other)
    found, counts = count_combinations(columns, n_classes)
    rest, last = np.divmod(found, n_classes)
    second = None
    if other is not None:
        second = last
        rest, last = np.divmod(rest, n_classes)
    profiles = None
    if clusters is not None:
        places = np.searchsorted(found, _keys(columns, n_classes))
        profiles = _profile_clusters(places, clusters, truth == predicted, len(found))
    return Cells(rest - 1, last, second, counts, n_classes, profiles)


def count_combinations(
    columns: tuple[NDArray[np.int64], ...], n_classes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which combinations of codes occur, and how often.

    Args:
        columns: Truth codes in `[-1, n_classes)`, then one or two of predictions in `[0, n_classes)`.
        n_classes: Number of classes, at least 1.

    Returns:
        Ascending keys (truth + 1 first, in digits of base `n_classes`) and counts of at least 1.

    Raises:
        InvalidInputError: Lengths differ, there are no rows, or a code is out of range.
    """
    rows, n_keys = _require_rows(columns), (n_classes + 1) * n_classes ** (len(columns) - 1)
    if n_keys > max(DENSE_KEYS, 4 * rows):
        require_codes(columns, n_classes)
        return np.unique(_keys(columns, n_classes), return_counts=True)
    if rows < COMPILED_ROWS:
        require_codes(columns, n_classes)
        dense = np.bincount(_keys(columns, n_classes), minlength=n_keys)
    else:
        dense = _count_compiled(columns, n_classes, n_keys)
    found = np.flatnonzero(dense)
    return found, dense[found].astype(np.int64)


def _count_compiled(columns: tuple[NDArray[np.int64], ...], n_classes: int, n_keys: int) -> NDArray[np.int64]:
    from smallcraft.stats.kernels.cells import count_pairs, count_triples

    plain = tuple(np.ascontiguousarray(column, dtype=np.int64) for column in columns)
    if len(plain) == 2:
        tallies = np.zeros((4, n_keys), dtype=np.int64)
        is_whole, dense = count_pairs(plain[0], plain[1], n_classes, tallies), tallies
    else:
        dense, sizes = np.zeros((1, n_keys), dtype=np.int64), [n_classes + 1, n_classes, n_classes]
        is_whole = count_triples((plain[0] + 1, plain[1], plain[2]), np.array(sizes), dense[0])
    if not is_whole:
        require_codes(columns, n_classes)
    return np.asarray(dense.sum(axis=0))


def class_counts(cells: Cells, counts: Counts | None = None) -> ClassCounts:
    """Right, true and predicted rows of each class, of the cells' own counts or of drawn ones `(..., m)`."""
    weights = np.asarray(cells.counts if counts is None else counts, dtype=np.float64)
    return split_sums(np.asarray((class_adder(cells) @ weights.T).T))


def class_adder(cells: Cells) -> sparse.csr_array:
    """What adds counts of cells up: `(3 k, m)`, three blocks of k sums (right, true, called)."""
    k, every = cells.n_classes, np.arange(len(cells.truth))
    known, right = cells.truth >= 0, cells.truth == cells.predicted
    sums = np.concatenate([cells.truth[right], k + cells.truth[known], 2 * k + cells.predicted])
    places = np.concatenate([every[right], every[known], every])
    return sparse.csr_array((np.ones(len(sums)), (sums, places)), shape=(3 * k, len(every)))


def split_sums(sums: Counts) -> ClassCounts:
    """The three blocks of `(..., 3 k)` sums."""
    k = sums.shape[-1] // 3
    return ClassCounts(sums[..., :k], sums[..., k : 2 * k], sums[..., 2 * k :])


def _keys(columns: tuple[NDArray[np.int64], ...], n_classes: int) -> NDArray[np.int64]:
    keys = columns[0] + 1
    for column in columns[1:]:
        keys = keys * n_classes + column
    return keys


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


def _require_rows(columns: tuple[NDArray[np.int64], ...]) -> int:
    lengths = {len(column) for column in columns}
    if len(lengths) != 1 or 0 in lengths:
        raise InvalidInputError(
            f"truth and predictions need one code a row and at least one row, got lengths "
            f"{[len(column) for column in columns]}"
        )
    return lengths.pop()


def require_codes(columns: tuple[NDArray[np.int64], ...], n_classes: int) -> None:
    """Refuse truth (first) or prediction codes out of range.

    Raises:
        InvalidInputError: One is.
    """
    for column, least in zip(columns, (-1, 0, 0), strict=False):
        low, high = int(column.min()), int(column.max())
        if low < least or high >= n_classes:
            raise InvalidInputError(
                f"codes must lie in [{least}, {n_classes}), got {low} to {high}; "
                "encode the labels by their place in `classes`"
            )
