"""Rows by the values of group columns, alone and two columns together.

Always: each value that occurs is a group, a missing one too; names are in sorted order and are the words of
slices (`sex=Female`, `race=Black & sex=Female` in the order the columns were declared).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.run import MISSING_GROUP


@dataclass(frozen=True)
class Partition:
    """Rows by the value of one column, or of two.

    Attributes:
        columns: One name, or two.
        names: Slice of each group.
        codes: `(n,)` int64 into `names`; -1 for a row of a group that was left out.
        left_out: Groups left out, the smallest ones.
    """

    columns: tuple[str, ...]
    names: tuple[str, ...]
    codes: NDArray[np.int64]
    left_out: int = 0

    def counts(self, weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """`(g,)` rows of each group, or sums of `(n,)` weights."""
        return np.bincount(self.codes + 1, weights=weights, minlength=len(self.names) + 1)[1:].astype(float)


def partition_rows(
    groups: Mapping[str, Sequence[str | None]], *, rows: int, depth: int = 2, most: int = 200
) -> tuple[Partition, ...]:
    """A partition for each column, then for each two columns.

    Args:
        groups: Column to its `rows` values.
        rows: How many rows there are.
        depth: 1 for single columns only, 2 for pairs as well.
        most: Of each pair so many groups are kept, the largest.

    Raises:
        InvalidInputError: A column of another length.
    """
    single = [_partition(column, values, rows) for column, values in groups.items()]
    pairs = itertools.combinations(single, 2) if depth > 1 else ()
    return (*single, *(_intersect(first, other, most) for first, other in pairs))


def _partition(column: str, values: Sequence[str | None], rows: int) -> Partition:
    if len(values) != rows:
        raise InvalidInputError(
            f"group column '{column}' must have one value for each of {rows} rows, got {len(values)}; "
            "take both from the same split"
        )
    seen: dict[str | None, int] = {}
    first = np.fromiter((seen.setdefault(value, len(seen)) for value in values), np.int64, rows)
    words = np.array([MISSING_GROUP if value is None else str(value) for value in seen], dtype=object)
    names, places = np.unique(words.astype(str), return_inverse=True)
    codes = places.astype(np.int64)[first] if rows else first
    return Partition((column,), tuple(f"{column}={name}" for name in names), codes)


def _intersect(first: Partition, other: Partition, most: int) -> Partition:
    width = len(other.names)
    both = first.codes * width + other.codes
    sizes = np.bincount(both, minlength=len(first.names) * width)
    kept = np.sort(np.argsort(-sizes, kind="stable")[:most])
    kept = kept[sizes[kept] > 0]
    places = np.full(len(sizes), -1, dtype=np.int64)
    places[kept] = np.arange(len(kept))
    names = tuple(f"{first.names[code // width]} & {other.names[code % width]}" for code in kept.tolist())
    left_out = int(np.count_nonzero(sizes)) - len(kept)
    return Partition((*first.columns, *other.columns), names, places[both], left_out)
