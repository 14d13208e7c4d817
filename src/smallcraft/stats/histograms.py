"""Histograms of float64 columns with no bins to agree on: a cell is the leading 19 bits of a value.

Sign, exponent and seven bits of mantissa make a *key*: 0 holds zero, k and -k mirror each other, and a larger
key holds larger values, so any two histograms add up cell by cell. A cell is at most 1/128 of its value wide.
Always: counts are exact and the same in whatever order values and histograms come; -0.0 counts as 0; NaN, the
infinities and missing values are counted apart. Sums are of finite values, exact but for float64 rounding.
Left to others: bins taken from a reference (`stats.reference_bins`), distances (`stats.distances`), bytes
(`data.profiles`).
Not covered: values that differ by less than 1/128 of their size (times in seconds since 1970) share a cell;
only their mean and spread, from the sums, can tell a change then. The spread loses digits as its square falls
below 1e-10 of the squared mean.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError

Floats = NDArray[np.float64]
Keys = NDArray[np.int32]

# The key of an infinity: of a finite value it is smaller in magnitude.
END_KEY = 0x7FF << 7
RELATIVE_WIDTH = 2.0**-7
# Fewer values than these are counted before a compiled loop would be loaded.
COMPILED_VALUES = 1 << 15

_DROPPED_BITS = 45
_MAGNITUDE = np.uint64(0x7FFFFFFFFFFFFFFF)
_scratch = threading.local()


@dataclass(frozen=True)
class Histogram:
    """How many values fell into each cell that occurs.

    Attributes:
        keys: `(m,)` int32, ascending, each in (-END_KEY, END_KEY).
        counts: `(m,)` int64, at least 1 each.
        nulls: Missing values.
        nans: Values that are not a number.
        below: Values of minus infinity.
        above: Values of plus infinity.
        total: Sum of the finite values.
        squares: Sum of their squares; infinite when that is beyond float64.
    """

    keys: Keys
    counts: NDArray[np.int64]
    nulls: int = 0
    nans: int = 0
    below: int = 0
    above: int = 0
    total: float = 0.0
    squares: float = 0.0

    @property
    def finite(self) -> int:
        """How many values are finite."""
        return int(self.counts.sum())

    @property
    def n(self) -> int:
        """How many rows were counted, with missing, infinite and undefined values."""
        return self.finite + self.nulls + self.nans + self.below + self.above

    @property
    def mean(self) -> float | None:
        """Mean of the finite values; None without any."""
        return self.total / self.finite if self.finite else None

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the finite values (divisor n); None without any."""
        if not self.finite:
            return None
        mean = self.total / self.finite
        return math.sqrt(max(0.0, self.squares / self.finite - mean * mean))


@dataclass(frozen=True)
class Quantiles:
    """Quantiles of a histogram's finite values, arrays `(q,)`.

    Attributes:
        value: Estimate, evenly spread within the cell.
        low: Lower end of the cell that holds the quantile.
        high: Its upper end; the quantile of the values themselves lies between the two.
    """

    value: Floats
    low: Floats
    high: Floats


EMPTY = Histogram(np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64))


def count_values(values: Floats, *, nulls: int = 0) -> Histogram:
    """Histogram of a column.

    Args:
        values: `(n,)` float64 (other numbers are converted), missing values left out.
        nulls: How many were left out.

    Raises:
        InvalidInputError: Not one axis, or `nulls` is below 0.

    >>> histogram = count_values(np.array([1.0, 1.001, -2.0, np.nan]), nulls=1)
    >>> histogram.counts.tolist(), histogram.nans, histogram.n
    ([1, 2], 1, 5)
    """
    if values.ndim != 1 or nulls < 0:
        raise InvalidInputError(f"a column has one axis and nulls >= 0, got {values.shape} and {nulls}")
    column = np.ascontiguousarray(values, dtype=np.float64)
    if len(column) < COMPILED_VALUES:
        return tally_plainly(column, nulls=nulls)
    return _tally_compiled(column, nulls)


def count_repeated(values: Floats, times: NDArray[np.int64], *, nulls: int = 0) -> Histogram:
    """Histogram of distinct values that are known with how often they occur.

    Args:
        values: `(m,)` float64.
        times: `(m,)` int64, at least 0.
        nulls: Missing values.

    Raises:
        InvalidInputError: Lengths differ, or a count is below 0.

    >>> count_repeated(np.array([3.0, 5.0]), np.array([2, 4])).mean
    4.333333333333333
    """
    if values.shape != times.shape or (times < 0).any():
        raise InvalidInputError("values and times need equal lengths and counts of at least 0")
    column = np.ascontiguousarray(values, dtype=np.float64)
    finite = np.isfinite(column)
    kept, weights = column[finite], times[finite]
    with np.errstate(over="ignore", invalid="ignore"):
        total, squares = float(weights @ kept), float(weights @ (kept * kept))
    nans, below, above = (
        int(times[where].sum()) for where in (np.isnan(column), column == -np.inf, column == np.inf)
    )
    return Histogram(*_add_cells(keys_of(kept), weights), nulls, nans, below, above, total, squares)


def merge_histograms(histograms: Sequence[Histogram]) -> Histogram:
    """The histogram of all their rows together; of none, an empty one.

    >>> halves = [count_values(np.array([1.0, 2.0])), count_values(np.array([2.0]))]
    >>> merge_histograms(halves).counts.tolist()
    [1, 2]
    """
    if len(histograms) < 2:
        return histograms[0] if histograms else EMPTY
    cells = _add_cells(
        np.concatenate([part.keys for part in histograms]),
        np.concatenate([part.counts for part in histograms]),
    )
    with np.errstate(over="ignore", invalid="ignore"):
        # In order of size, so that the order the parts came in leaves no trace.
        total = float(np.sort([part.total for part in histograms]).sum())
        squares = float(np.sort([part.squares for part in histograms]).sum())
    return Histogram(
        *cells,
        sum(part.nulls for part in histograms),
        sum(part.nans for part in histograms),
        sum(part.below for part in histograms),
        sum(part.above for part in histograms),
        total,
        squares,
    )


def keys_of(values: Floats) -> Keys:
    """Cell of each value.

    Args:
        values: `(n,)` float64, finite.

    >>> keys_of(np.array([-1.0, -0.0, 0.0, 1.0, 1.01])).tolist()
    [-130944, 0, 0, 130944, 130945]
    """
    bits = np.ascontiguousarray(values, dtype=np.float64).view(np.uint64)
    magnitude = ((bits & _MAGNITUDE) >> np.uint64(_DROPPED_BITS)).astype(np.int32)
    return np.where(np.signbit(values), -magnitude, magnitude).astype(np.int32)


def cell_lows(keys: NDArray[np.integer]) -> Floats:
    """Lower end of each cell, in it for keys above 0.

    >>> cell_lows(np.array([130944, 130945, -130944])).tolist()
    [1.0, 1.0078125, -1.0078125]
    """
    signed = np.asarray(keys, dtype=np.int64)
    return np.where(signed > 0, _magnitudes(signed), -_magnitudes(1 - signed))


def cell_highs(keys: NDArray[np.integer]) -> Floats:
    """Upper end of each cell, in it for keys below 0."""
    return -cell_lows(-np.asarray(keys, dtype=np.int64))


def cell_middles(keys: NDArray[np.integer]) -> Floats:
    """Middle of each cell; of cell 0 it is 0."""
    low, high = cell_lows(keys), cell_highs(keys)
    return low + (high - low) / 2


def quantiles(histogram: Histogram, shares: Floats) -> Quantiles:
    """Quantiles of the finite values, each with the bounds that the cells leave.

    Args:
        histogram: With at least one finite value.
        shares: `(q,)` in [0, 1]; the quantile is the smallest value that at least this share does not exceed.

    Raises:
        InvalidInputError: A bound above does not hold.

    >>> found = quantiles(count_values(np.arange(1.0, 101.0)), np.array([0.5]))
    >>> found.low.item(), found.high.item()
    (50.0, 50.25)
    """
    wanted = np.asarray(shares, dtype=np.float64)
    if not histogram.finite or not np.all((wanted >= 0) & (wanted <= 1)):
        raise InvalidInputError(
            f"quantiles need finite values and shares in [0, 1], got {histogram.finite} and {wanted.tolist()}"
        )
    cumulative = np.cumsum(histogram.counts)
    ranks = np.maximum(np.ceil(wanted * cumulative[-1] * (1 - 1e-15)), 1)
    cell = np.searchsorted(cumulative, ranks)
    keys, counts = histogram.keys[cell], histogram.counts[cell]
    low, high = cell_lows(keys), cell_highs(keys)
    within = (ranks - (cumulative[cell] - counts) - 0.5) / counts
    return Quantiles(low + within * (high - low), low, high)


def counts_within(histogram: Histogram, edges: NDArray[np.integer]) -> NDArray[np.int64]:
    """How many finite values lie between keys.

    Args:
        histogram: Any.
        edges: `(b + 1,)` ascending keys.

    Returns:
        `(b + 2,)` int64: below the first edge, from each edge up to (not with) the next, from the last on.

    >>> ones_and_more = count_values(np.array([0.5, 1.0, 1.5, 9.0]))
    >>> counts_within(ones_and_more, keys_of(np.array([1.0, 2.0]))).tolist()
    [1, 2, 1]
    """
    cumulative = np.concatenate([[0], np.cumsum(histogram.counts)])
    up_to = cumulative[np.searchsorted(histogram.keys, edges, side="left")]
    return np.diff(up_to, prepend=0, append=cumulative[-1]).astype(np.int64)


def tally_plainly(values: Floats, *, nulls: int = 0) -> Histogram:
    """What the compiled loop does, in plain numpy: for a few values, and to hold the loop to."""
    finite = np.isfinite(values)
    kept = values if finite.all() else values[finite]
    keys, counts = np.unique(keys_of(kept), return_counts=True)
    with np.errstate(over="ignore", invalid="ignore"):
        total, squares = float(kept.sum()), float(kept @ kept)
    if len(kept) == len(values):
        return Histogram(keys, counts, nulls, total=total, squares=squares)
    rest = values[~finite]
    nans, below = int(np.isnan(rest).sum()), int((rest == -np.inf).sum())
    return Histogram(keys, counts, nulls, nans, below, len(rest) - nans - below, total, squares)


def _tally_compiled(values: Floats, nulls: int) -> Histogram:
    from smallcraft.stats.kernels.histograms import LANES, N_OTHERS, RAW_CELLS, tally

    if not hasattr(_scratch, "tables"):
        _scratch.tables = np.zeros((LANES, RAW_CELLS), dtype=np.uint32)
        _scratch.keys = np.empty(RAW_CELLS, dtype=np.int32)
        _scratch.counts = np.empty(RAW_CELLS, dtype=np.int64)
    found, sums = np.zeros(N_OTHERS, dtype=np.int64), np.zeros(2)
    cells = tally(
        values, values.view(np.uint64), _scratch.tables, _scratch.keys, _scratch.counts, found, sums
    )
    nans, below, above = (int(count) for count in found)
    return Histogram(
        _scratch.keys[:cells].copy(),
        _scratch.counts[:cells].copy(),
        nulls,
        nans,
        below,
        above,
        float(sums[0]),
        float(sums[1]),
    )


def _add_cells(keys: Keys, counts: NDArray[np.int64]) -> tuple[Keys, NDArray[np.int64]]:
    found, places = np.unique(keys, return_inverse=True)
    sums = np.zeros(len(found), dtype=np.int64)
    np.add.at(sums, places, counts)
    return found[sums > 0], sums[sums > 0]


def _magnitudes(keys: NDArray[np.int64]) -> Floats:
    bits = np.clip(keys, 0, END_KEY).astype(np.uint64) << np.uint64(_DROPPED_BITS)
    return np.minimum(bits.view(np.float64), np.finfo(np.float64).max)
