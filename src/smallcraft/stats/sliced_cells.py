"""Cells of many slices, counted in one pass over the rows; metrics and intervals of every slice from them.

Rows fall into parts that do not overlap (one code a row); slices are parts or unions of parts, so slices that
overlap, such as two group columns and their intersections, still cost one pass.
Always: a slice's numbers equal those of its rows alone; a slice without rows has NaN.
Left to others: what the slices are called (`smallcraft.evaluate`), rows that share a cluster (count each
slice with `stats.cells`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from smallcraft.errors import InvalidInputError
from smallcraft.records import Interval
from smallcraft.stats.cell_bootstrap import COMPILED_DRAWS, metric_intervals
from smallcraft.stats.cells import COMPILED_ROWS, DENSE_KEYS, Cells, class_adder, require_codes, split_sums
from smallcraft.stats.class_metrics import ClassCounts, CountMetric


@dataclass(frozen=True)
class SlicedCells:
    """How often each cell occurs in each slice.

    Attributes:
        truth: `(m,)` int64 codes, -1 for a label that is none of the classes.
        predicted: `(m,)` int64 codes.
        table: `(s, m)` sparse int64 counts, a row a slice.
        n_classes: How many classes there are, `k`.
    """

    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    table: sparse.csr_array
    n_classes: int

    @property
    def sizes(self) -> NDArray[np.int64]:
        """`(s,)` rows of each slice."""
        return np.asarray(self.table.sum(axis=1)).ravel().astype(np.int64)

    def cells(self, number: int) -> Cells:
        """The cells that occur in one slice."""
        begin, end = self.table.indptr[number : number + 2]
        places = self.table.indices[begin:end]
        counts = self.table.data[begin:end].astype(np.int64)
        return Cells(self.truth[places], self.predicted[places], None, counts, self.n_classes)


def count_sliced_cells(
    truth: NDArray[np.int64],
    predicted: NDArray[np.int64],
    n_classes: int,
    slice_codes: NDArray[np.int64],
    n_slices: int,
) -> SlicedCells:
    """Reduce the predictions of slices that do not overlap to cells, in one pass.

    Args:
        truth: `(n,)` int64 codes in `[-1, n_classes)`, n at least 1.
        predicted: `(n,)` int64 codes in `[0, n_classes)`.
        n_classes: Number of classes, at least 1.
        slice_codes: `(n,)` int64 codes in `[0, n_slices)`.
        n_slices: Number of slices, at least 1; some may be empty.

    Raises:
        InvalidInputError: Lengths differ, there are no rows, or a code is out of range.

    >>> found = count_sliced_cells(np.array([0, 0, 1]), np.array([0, 1, 1]), 2, np.array([0, 1, 1]), 2)
    >>> found.sizes.tolist(), found.cells(1).counts.tolist()
    ([1, 2], [1, 1])
    """
    if len({len(truth), len(predicted), len(slice_codes)}) != 1 or len(truth) == 0:
        raise InvalidInputError(
            "truth, predictions and slices need one code a row and at least one row, got lengths "
            f"{[len(truth), len(predicted), len(slice_codes)]}"
        )
    columns = (np.asarray(slice_codes), np.asarray(truth) + 1, np.asarray(predicted))
    sizes = np.array([n_slices, n_classes + 1, n_classes])
    n_keys = int(sizes.prod())
    is_dense, counts = n_keys <= max(DENSE_KEYS, 4 * len(truth)), None
    if is_dense and len(truth) >= COMPILED_ROWS:
        counts = _count_compiled(columns, sizes, n_keys)
    if counts is None:
        _require_slices(slice_codes, n_slices)
        require_codes((truth, predicted), n_classes)
        keys = (columns[0] * sizes[1] + columns[1]) * sizes[2] + columns[2]
        if not is_dense:
            return _sparse_table(*np.unique(keys, return_counts=True), sizes)
        counts = np.bincount(keys, minlength=n_keys)
    found = np.flatnonzero(counts)
    return _sparse_table(found, counts[found], sizes)


def unite_slices(parts: SlicedCells, members: sparse.csr_array) -> SlicedCells:
    """Slices that are unions of parts.

    Args:
        parts: Counted, without overlap.
        members: `(s, parts)` sparse, 1 where the part belongs to the slice.
    """
    table = sparse.csr_array(members.astype(np.int64) @ parts.table)
    table.sort_indices()
    return SlicedCells(parts.truth, parts.predicted, table, parts.n_classes)


def sliced_class_counts(sliced: SlicedCells) -> ClassCounts:
    """Right, true and predicted rows of each class in each slice; arrays `(s, k)`."""
    whole = Cells(
        sliced.truth, sliced.predicted, None, np.ones(len(sliced.truth), np.int64), sliced.n_classes
    )
    return split_sums((sliced.table.astype(np.float64) @ class_adder(whole).T).toarray())


def sliced_metrics(sliced: SlicedCells, metrics: Sequence[CountMetric]) -> NDArray[np.float64]:
    """Values of some metrics, `(s, metrics)`; NaN for a slice without rows."""
    found, empty = sliced_class_counts(sliced), sliced.sizes == 0
    values = np.stack([np.asarray(metric(found), dtype=np.float64) for metric in metrics], axis=1)
    values[empty] = np.nan
    return values


def sliced_intervals(
    sliced: SlicedCells,
    metrics: Sequence[CountMetric],
    *,
    level: float = 0.95,
    rng: np.random.Generator,
    replicates: int = 1000,
) -> tuple[tuple[Interval, ...] | None, ...]:
    """Bootstrap intervals of some metrics in each slice, as `metric_intervals`; None for one without rows.

    Args:
        sliced: The slices.
        metrics: Whose intervals.
        level: Coverage as a fraction in (0, 1), of each interval.
        rng: Source of the draws; a slice's draws depend on the slices before it.
        replicates: How many samples of each slice are drawn.
    """
    is_compiled = replicates * sliced.table.nnz >= COMPILED_DRAWS
    return tuple(
        metric_intervals(
            sliced.cells(number),
            metrics,
            level=level,
            rng=rng,
            replicates=replicates,
            is_compiled=is_compiled,
        )
        if size
        else None
        for number, size in enumerate(sliced.sizes)
    )


def _count_compiled(
    columns: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    sizes: NDArray[np.int64],
    n_keys: int,
) -> NDArray[np.int64] | None:
    """Counts of every key; None when a code is out of range."""
    from smallcraft.stats.kernels.cells import count_triples

    tally = np.zeros(n_keys, dtype=np.int64)
    first, second, third = (np.ascontiguousarray(column, dtype=np.int64) for column in columns)
    return tally if count_triples((first, second, third), sizes, tally) else None


def _sparse_table(
    found: NDArray[np.int64], counts: NDArray[np.int64], sizes: NDArray[np.int64]
) -> SlicedCells:
    n_slices, _, n_classes = (int(size) for size in sizes)
    slices, keys = np.divmod(found, (n_classes + 1) * n_classes)
    cells, places = np.unique(keys, return_inverse=True)
    table = sparse.csr_array(
        (counts.astype(np.int64), (slices, places)), shape=(n_slices, len(cells)), dtype=np.int64
    )
    return SlicedCells(cells // n_classes - 1, cells % n_classes, table, n_classes)


def _require_slices(slice_codes: NDArray[np.int64], n_slices: int) -> None:
    low, high = int(slice_codes.min()), int(slice_codes.max())
    if low < 0 or high >= n_slices:
        raise InvalidInputError(
            f"slice codes must lie in [0, {n_slices}), got {low} to {high}; number the slices from 0"
        )
