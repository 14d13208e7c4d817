"""Profile of a column of numbers: a histogram without agreed bins, and exact sums.

Leaves to others: the cells and quantiles (`stats.histograms`), distances (`stats.distances`), bytes
(`data.profiles.blobs`).
Always: a profile of rows is the same, to the last bit, in any order and however it was put together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from smallcraft.data.profiles.exact_sums import UNIT_BITS, exact_squares, exact_sum, from_float, to_float
from smallcraft.stats.histograms import Histogram, count_values, merge_histograms

_LARGEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True, eq=False)
class NumericProfile:
    """What a column of `n` rows held.

    Attributes:
        histogram: Its cells, and the sums rounded to float64.
        total: Exact sum of the finite values, in units of `2**-1128` (`exact_sums`).
        squares: Exact sum of their squares, likewise.
    """

    histogram: Histogram
    total: int
    squares: int

    @property
    def n(self) -> int:
        """All rows."""
        return self.histogram.n

    @property
    def mean(self) -> float | None:
        """Of the finite values; None without any."""
        finite = self.histogram.finite
        return to_float(self.total // finite) if finite else None

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the finite values (divisor n), no digits cancelled; None without any."""
        finite = self.histogram.finite
        if not finite:
            return None
        spread = (finite * self.squares << UNIT_BITS) - self.total * self.total
        # Below 0 only where sums were rounded elsewhere, or squares clipped.
        return to_float(math.isqrt(max(spread, 0)) // finite)

    def __eq__(self, other: object) -> bool:
        return _facts(self) == _facts(other) if isinstance(other, NumericProfile) else NotImplemented

    def __hash__(self) -> int:
        return hash(_facts(self))


def profile_numbers(
    values: NDArray[np.float64], *, nulls: int = 0, nan_is_null: bool = False
) -> NumericProfile:
    """Profile some rows of a column.

    Args:
        values: `(n,)` float64, those that are there.
        nulls: Rows without a value, beside them.
        nan_is_null: Whether NaN says that there is no value, as in what a model is asked.
    """
    found = count_values(values, nulls=nulls)
    finite = values
    if found.finite < len(values):
        finite = values[np.isfinite(values)]
    if nan_is_null and found.nans:
        found = replace(found, nulls=nulls + found.nans, nans=0)
    finite = np.ascontiguousarray(finite, dtype=np.float64)
    return with_sums(found, total=exact_sum(finite), squares=exact_squares(finite))


def from_histogram(histogram: Histogram) -> NumericProfile:
    """A profile of what was counted elsewhere; its sums are as exact as those of the histogram."""
    total, squares = (min(max(value, -_LARGEST), _LARGEST) for value in (histogram.total, histogram.squares))
    return NumericProfile(histogram, from_float(total), from_float(squares))


def with_sums(histogram: Histogram, *, total: int, squares: int) -> NumericProfile:
    """A profile of cells and exact sums; the histogram's own sums are made the same.

    Args:
        histogram: The cells.
        total: In units of `2**-1128`.
        squares: In units of `2**-1128`.
    """
    rounded = replace(histogram, total=to_float(total), squares=to_float(squares))
    return NumericProfile(rounded, total, squares)


def merge_numbers(profiles: Sequence[NumericProfile]) -> NumericProfile:
    """One profile of the rows of several.

    Args:
        profiles: At least one.
    """
    if len(profiles) == 1:
        return profiles[0]
    return with_sums(
        merge_histograms([part.histogram for part in profiles]),
        total=sum(part.total for part in profiles),
        squares=sum(part.squares for part in profiles),
    )


def _facts(profile: NumericProfile) -> tuple[object, ...]:
    cells = profile.histogram
    others = (cells.nulls, cells.nans, cells.below, cells.above)
    return (cells.keys.tobytes(), cells.counts.tobytes(), *others, profile.total, profile.squares)
