"""Bins taken from a reference alone, and the counts of any histogram in them: what distances compare.

Of a numeric column: below all of the reference, some bins of about equal shares of it, above all of it,
missing, not a number. Of a category column: the most frequent values, the other known ones, values the
reference never had, missing.
Always: bins never depend on what is compared with the reference; every row falls into exactly one; a value
that holds a bin's worth of the reference by itself has a bin of its own. Minus and plus infinity lie below
and above.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.stats.category_counts import CategoryCounts
from smallcraft.stats.histograms import Histogram, cell_lows, counts_within

Floats = NDArray[np.float64]

DEFAULT_BINS = 16
NAMED_VALUES = 50
_NOTHING = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class NumericBins:
    """Bins of a numeric column.

    Attributes:
        edges: `(b + 1,)` int64 ascending keys of `stats.histograms`; none when the reference has no values.
    """

    edges: NDArray[np.int64]

    @property
    def bounds(self) -> Floats:
        """Values at the edges."""
        return cell_lows(self.edges)

    @property
    def labels(self) -> tuple[str, ...]:
        """What each bin holds, in the order of its counts."""
        # The cell of 0 reaches as far as numbers too small to have all their digits.
        bounds = [f"{bound:.4g}" if abs(bound) > _NOTHING else "0" for bound in self.bounds]
        if not bounds:
            return ("any", "missing", "not a number")
        inner = [
            low if low == high == "0" else f"{low} to {high}" for low, high in itertools.pairwise(bounds)
        ]
        return (f"below {bounds[0]}", *inner, f"from {bounds[-1]}", "missing", "not a number")


@dataclass(frozen=True)
class CategoryBins:
    """Bins of a category column.

    Attributes:
        named: Values with a bin of their own, most frequent first.
        others: Known values that share one bin.
    """

    named: tuple[str, ...]
    others: frozenset[str]

    @property
    def labels(self) -> tuple[str, ...]:
        """What each bin holds, in the order of its counts."""
        return (*self.named, "other known values", "unseen values", "missing")


def numeric_bins(reference: Histogram, *, bins: int = DEFAULT_BINS) -> NumericBins:
    """Bins of about equal shares of a reference.

    Args:
        reference: Its histogram.
        bins: How many at least 1 between its smallest and largest value; fewer where values repeat much.

    Raises:
        InvalidInputError: `bins` is below 1.

    >>> from smallcraft.stats.histograms import count_values
    >>> numeric_bins(count_values(np.arange(1.0, 101.0)), bins=4).bounds.tolist()
    [1.0, 26.0, 51.0, 76.0, 100.5]
    """
    if bins < 1:
        raise InvalidInputError(f"a numeric column needs at least 1 bin, got {bins}")
    keys, counts = reference.keys.astype(np.int64), reference.counts
    if not len(keys):
        return NumericBins(np.zeros(0, dtype=np.int64))
    below = np.cumsum(counts) - counts
    share = below[-1] + counts[-1]
    starts = keys[np.searchsorted(below, np.arange(bins) * share / bins, side="left").clip(max=len(keys) - 1)]
    heavy = keys[counts * bins >= share]
    return NumericBins(np.unique(np.concatenate([keys[:1], starts, heavy, heavy + 1, keys[-1:] + 1])))


def count_numeric(histogram: Histogram, bins: NumericBins) -> Floats:
    """Rows of each bin.

    Args:
        histogram: Of any rows of the column.
        bins: Of the reference.

    Returns:
        `(b + 4,)`: below, the bins, above, missing, not a number; `(3,)` when the reference has no values.
    """
    if len(bins.edges):
        counts = counts_within(histogram, bins.edges).astype(np.float64)
        counts[0] += histogram.below
        counts[-1] += histogram.above
    else:
        counts = np.array([float(histogram.finite + histogram.below + histogram.above)])
    return np.concatenate([counts, [histogram.nulls, histogram.nans]])


def category_bins(reference: CategoryCounts, *, named: int = NAMED_VALUES) -> CategoryBins:
    """Bins of the most frequent values of a reference.

    Args:
        reference: Its counts.
        named: How many values have a bin of their own, at least 1.

    Raises:
        InvalidInputError: `named` is below 1.

    >>> from smallcraft.stats.category_counts import count_categories
    >>> category_bins(count_categories(["a", "b", "c"], np.array([1, 5, 2])), named=2).labels
    ('b', 'c', 'other known values', 'unseen values', 'missing')
    """
    if named < 1:
        raise InvalidInputError(f"a category column needs at least 1 named value, got {named}")
    order = sorted(reference.counts, key=lambda value: (-reference.counts[value], value))
    return CategoryBins(tuple(order[:named]), frozenset(order[named:]))


def count_categorical(counts: CategoryCounts, bins: CategoryBins) -> Floats:
    """Rows of each bin.

    Args:
        counts: Of any rows of the column; rows it lost track of count as unseen.
        bins: Of the reference.

    Returns:
        `(named + 3,)`: each named value, other known values, unseen values, missing.
    """
    own = [counts.counts.get(value, 0) for value in bins.named]
    every = sum(counts.counts.values())
    others = sum(count for value, count in counts.counts.items() if value in bins.others)
    return np.array([*own, others, every - sum(own) - others + counts.lost, counts.nulls], dtype=np.float64)


def stack_counts(columns: Sequence[Floats]) -> Floats:
    """Counts of several columns as one array, shorter ones filled up with empty bins, which no distance sees.

    Args:
        columns: `k` of `(b_i,)`.

    Returns:
        `(k, max b_i)` float64.

    >>> stack_counts([np.array([1.0]), np.array([2.0, 3.0])]).tolist()
    [[1.0, 0.0], [2.0, 3.0]]
    """
    width = max((len(column) for column in columns), default=0)
    stacked = np.zeros((len(columns), width))
    for row, column in zip(stacked, columns, strict=True):
        row[: len(column)] = column
    return stacked
