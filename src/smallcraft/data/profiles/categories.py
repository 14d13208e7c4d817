"""Profile of a column of categories: how many rows have each value.

Also of things of which a row has several, such as its words: then each row counts once for each.
Leaves to others: counting, and what is dropped beyond a capacity (`stats.category_counts`), bytes
(`data.profiles.blobs`).
Always: to the capacity counts are exact, in any order and however put together; beyond it a count is at most
`missed` too low and never too high, and `missed <= total / capacity` unless `keep_top` was asked for less.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from smallcraft.stats.category_counts import CAPACITY, CategoryCounts, count_categories
from smallcraft.stats.category_counts import merge_categories as merge_counts

LONGEST_VALUE = 200


@dataclass(frozen=True)
class CategoryProfile:
    """What a column of `n` rows held.

    Attributes:
        tally: Counts of values, and of rows without one.
        n: All rows.
        capacity: Most values that are kept.
    """

    tally: CategoryCounts
    n: int
    capacity: int = CAPACITY

    @property
    def nulls(self) -> int:
        """Rows without a value."""
        return self.tally.nulls

    @property
    def missed(self) -> int:
        """How much too low a count may be; of a value that is not listed, how high."""
        return self.tally.error

    @property
    def total(self) -> int:
        """What all counts together would be, had none been dropped."""
        return self.tally.n - self.tally.nulls

    @property
    def rest(self) -> int:
        """What of `total` is not in the counts."""
        return self.tally.lost

    @property
    def has_several(self) -> bool:
        """Whether a row may have several values, so that shares of them do not add up to 1."""
        return self.total != self.n - self.nulls

    @property
    def values(self) -> tuple[str, ...]:
        """Ascending, each once."""
        return tuple(self.tally.counts)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """`(m,)` int64, at least 1 each, in the order of `values`."""
        return np.fromiter(self.tally.counts.values(), np.int64, len(self.tally.counts))

    def as_mapping(self) -> Mapping[str, int]:
        """Value to count."""
        return self.tally.counts

    def keep_top(self, k: int) -> CategoryProfile:
        """The `k` most frequent values with their counts as they are (of equal ones the first by name).

        Args:
            k: At least 1.
        """
        counts = self.tally.counts
        if len(counts) <= k:
            return self
        order = sorted(counts, key=lambda value: (-counts[value], value))
        kept = {value: counts[value] for value in sorted(order[:k])}
        dropped = sum(counts[value] for value in order[k:])
        error = self.missed + counts[order[k]]
        tally = CategoryCounts(kept, self.nulls, self.rest + dropped, error)
        return CategoryProfile(tally, self.n, self.capacity)

    def __hash__(self) -> int:
        return hash((*self.values, self.counts.tobytes(), self.n, self.nulls, self.rest, self.missed))


def profile_categories(values: Iterable[str | None], *, capacity: int = CAPACITY) -> CategoryProfile:
    """Profile some rows of a column.

    Args:
        values: A value a row, None where there is none.
        capacity: Most values that are kept.

    >>> profile_categories(["b", "a", None, "b"]).as_mapping()
    {'a': 1, 'b': 2}
    """
    counted = Counter(values)
    nulls = counted.pop(None, 0)
    found = {value: count for value, count in counted.items() if value is not None}
    return from_counts(found, n=nulls + sum(found.values()), nulls=nulls, capacity=capacity)


def from_counts(
    counts: Mapping[str, int], *, n: int, nulls: int = 0, capacity: int = CAPACITY
) -> CategoryProfile:
    """A profile of what was counted elsewhere.

    Args:
        counts: Value to count, each at least 1; of a value the first 200 characters are kept.
        n: All rows.
        nulls: Rows without a value.
        capacity: Most values that are kept.
    """
    times = np.fromiter(counts.values(), np.int64, len(counts))
    # Values that are cut to the same beginning add up.
    tally = count_categories(
        [value[:LONGEST_VALUE] for value in counts], times, nulls=nulls, capacity=capacity
    )
    return CategoryProfile(tally, n, capacity)


def merge_categories(profiles: Sequence[CategoryProfile]) -> CategoryProfile:
    """One profile of the rows of several; its capacity is the smallest of theirs.

    Args:
        profiles: At least one.
    """
    if len(profiles) == 1:
        return profiles[0]
    capacity = min(part.capacity for part in profiles)
    tally = merge_counts([part.tally for part in profiles], capacity=capacity)
    return CategoryProfile(tally, sum(part.n for part in profiles), capacity)
