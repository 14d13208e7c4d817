"""Counts of named values that add up: exact to 10,000 values, then heavy hitters with a stated error.

Past the capacity the smallest counts are taken off all others (Misra and Gries), which keeps every value that
is frequent and says by how much a count may be too low.
Always: `n` is exact; while `error` is 0 the counts are, in whatever order they came; a kept count is never
too high and at most `error` too low; a value that is not kept occurred at most `error` times; the error is
at most `n / capacity`.
Left to others: turning a column into distinct values and counts; bins to compare (`stats.reference_bins`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError

CAPACITY = 10_000


@dataclass(frozen=True)
class CategoryCounts:
    """How often each value occurred.

    Attributes:
        counts: Of each kept value, at least 1; names in ascending order.
        nulls: Missing values.
        lost: Rows whose value is not accounted for in `counts`.
        error: By how much a count may be too low.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    nulls: int = 0
    lost: int = 0
    error: int = 0

    @property
    def n(self) -> int:
        """How many rows were counted, with missing ones."""
        return sum(self.counts.values()) + self.nulls + self.lost


def count_categories(
    values: Sequence[str], times: NDArray[np.int64], *, nulls: int = 0, capacity: int = CAPACITY
) -> CategoryCounts:
    """Counts of a column that is known by its distinct values.

    Args:
        values: `m` names; one that comes twice adds up.
        times: `(m,)` int64, at least 0.
        nulls: Missing values.
        capacity: How many values are kept at most, at least 1.

    Raises:
        InvalidInputError: Lengths differ, or a count is below 0.

    >>> count_categories(["b", "a"], np.array([2, 1])).counts
    {'a': 1, 'b': 2}
    """
    if len(values) != len(times) or (np.asarray(times) < 0).any() or nulls < 0 or capacity < 1:
        raise InvalidInputError(
            f"categories need one count of at least 0 a value and a capacity of at least 1, got "
            f"{len(values)} values, {len(times)} counts, {nulls} nulls, capacity {capacity}"
        )
    sums: dict[str, int] = {}
    for value, count in zip(values, np.asarray(times).tolist(), strict=True):
        if count:
            sums[value] = sums.get(value, 0) + count
    return _within(sums, nulls, 0, error=0, capacity=capacity)


def merge_categories(parts: Sequence[CategoryCounts], *, capacity: int = CAPACITY) -> CategoryCounts:
    """The counts of all their rows together.

    Args:
        parts: Any number.
        capacity: How many values are kept at most.

    Source:
        Agarwal et al. (2013), ACM TODS 38:26, section 2: the error of a merged summary is that of the whole.

    >>> part = count_categories(["a", "b"], np.array([5, 1]))
    >>> merge_categories([part, part], capacity=1)
    CategoryCounts(counts={'a': 8}, nulls=0, lost=4, error=2)
    """
    sums: dict[str, int] = {}
    for part in parts:
        for value, count in part.counts.items():
            sums[value] = sums.get(value, 0) + count
    return _within(
        sums,
        sum(part.nulls for part in parts),
        sum(part.lost for part in parts),
        error=sum(part.error for part in parts),
        capacity=capacity,
    )


def _within(sums: Mapping[str, int], nulls: int, lost: int, *, error: int, capacity: int) -> CategoryCounts:
    off = 0
    if len(sums) > capacity:
        # The largest count that has to go; taking it off all others too is what keeps errors additive.
        off = sorted(sums.values(), reverse=True)[capacity]
    kept = {value: sums[value] - off for value in sorted(sums) if sums[value] > off}
    gone = sum(sums.values()) - sum(kept.values())
    return CategoryCounts(kept, nulls, lost + gone, error + off)
