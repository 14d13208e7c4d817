"""Counting float64 values by their leading bits, at less than a nanosecond a value.

A block of values is first looked over (sums, the range of its bits, whether all are finite), while it is in
the nearest cache; then each adds one to its cell. Four tables take turns, since a value of the same cell as
the one before would have to wait for its count.
Always: the tables are zero before and after, so nothing is cleared that was not touched; the plain twin is
`stats.histograms.tally_plainly`, which needs no compiler.
Left to others: what a cell means (`stats.histograms`).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Bits = NDArray[np.uint64]
Floats = NDArray[np.float64]

LANES = 4
RAW_CELLS = 1 << 19
# Of `found`: values of NaN, -inf, +inf.
N_OTHERS = 3

_BLOCK = 2048
_SHIFT = np.uint64(45)
# What a raw cell of a negative value has more than its mirror.
_NEGATIVE = 1 << 18
_FIRST_INFINITE = 0x7FF << 7
_MAGNITUDE, _INFINITE = np.uint64(0x7FFFFFFFFFFFFFFF), np.uint64(0x7FF0000000000000)
_ONE = np.uint64(1)
_NONE = np.uint64(0xFFFFFFFFFFFFFFFF)


@njit(cache=True, fastmath={"reassoc", "contract"})
def _look_over(values: Floats, bits: Bits, sums: Floats, ends: Bits) -> None:
    """Sum, sum of squares, largest magnitude, smallest magnitude less one (zero is passed over)."""
    total, squares = 0.0, 0.0
    least, most = _NONE, np.uint64(0)
    for row in range(len(values)):
        value = values[row]
        total += value
        squares += value * value
        magnitude = bits[row] & _MAGNITUDE
        most = max(most, magnitude)
        least = min(least, magnitude - _ONE)
    sums[0], sums[1] = total, squares
    ends[0], ends[1] = least, most


@njit(cache=True, fastmath={"reassoc", "contract"})
def _look_past_others(values: Floats, bits: Bits, sums: Floats, ends: Bits, found: NDArray[np.int64]) -> None:
    """What `_look_over` does for a block with NaN or infinite values, which are counted and left out."""
    total, squares = 0.0, 0.0
    least, most = _NONE, np.uint64(0)
    nans, below, above = 0, 0, 0
    for row in range(len(values)):
        magnitude = bits[row] & _MAGNITUDE
        is_finite = magnitude < _INFINITE
        nans += magnitude > _INFINITE
        above += bits[row] == _INFINITE
        below += (magnitude == _INFINITE) & (bits[row] != _INFINITE)
        value = values[row] if is_finite else 0.0
        magnitude = magnitude if is_finite else np.uint64(0)
        total += value
        squares += value * value
        most = max(most, magnitude)
        least = min(least, magnitude - _ONE)
    sums[0], sums[1] = total, squares
    ends[0], ends[1] = least, most
    found[0] += nans
    found[1] += below
    found[2] += above


@njit(cache=True)
def _count(bits: Bits, tables: NDArray[np.uint32]) -> None:
    whole = len(bits) - len(bits) % 4
    for row in range(0, whole, 4):
        tables[0, bits[row] >> _SHIFT] += np.uint32(1)
        tables[1, bits[row + 1] >> _SHIFT] += np.uint32(1)
        tables[2, bits[row + 2] >> _SHIFT] += np.uint32(1)
        tables[3, bits[row + 3] >> _SHIFT] += np.uint32(1)
    for row in range(whole, len(bits)):
        tables[0, bits[row] >> _SHIFT] += np.uint32(1)


@njit(cache=True)
def _collect(
    tables: NDArray[np.uint32],
    low: np.int64,
    high: np.int64,
    keys: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> int:
    """Write the cells that occur, in order of their values, and clear them; returns how many there are."""
    at = 0
    for sign in (-1, 0, 1):
        first, last = (low, high) if sign else (0, 0)
        for place in range(last - first + 1):
            magnitude = last - place if sign < 0 else first + place
            if sign and not magnitude:
                continue
            count = np.int64(0)
            for half in range(2):
                # Both halves hold zero; of all other cells the sign picks one.
                if sign and (sign < 0) != (half == 1):
                    continue
                raw = magnitude + half * _NEGATIVE
                for lane in range(4):
                    count += tables[lane, raw]
                    tables[lane, raw] = 0
            if count:
                keys[at], counts[at] = sign * magnitude, count
                at += 1
    return at


@njit(cache=True)
def tally(
    values: Floats,
    bits: Bits,
    tables: NDArray[np.uint32],
    keys: NDArray[np.int32],
    counts: NDArray[np.int64],
    found: NDArray[np.int64],
    sums: Floats,
) -> int:
    """Count values by cell.

    Args:
        values: `(n,)`, contiguous, fewer than 2 ** 32.
        bits: `(n,)`, the same bytes.
        tables: `(4, 2 ** 19)` zeros; zeros again afterwards.
        keys: `(2 ** 19,)`, written: ascending keys of the cells that occur.
        counts: `(2 ** 19,)`, written beside them.
        found: `(3,)` zeros, added to: values that are NaN, -inf, +inf.
        sums: `(2,)` zeros, added to: sum and sum of squares of the finite values.

    Returns:
        How many cells occur.
    """
    part, ends = np.zeros(2), np.zeros(2, dtype=np.uint64)
    least, most = _NONE, np.uint64(0)
    for begin in range(0, len(values), _BLOCK):
        end = min(begin + _BLOCK, len(values))
        block, words = values[begin:end], bits[begin:end]
        _look_over(block, words, part, ends)
        if ends[1] >= _INFINITE:
            _look_past_others(block, words, part, ends, found)
        _count(words, tables)
        sums[0] += part[0]
        sums[1] += part[1]
        least, most = min(least, ends[0]), max(most, ends[1])
    if found.any():
        # They were counted in cells beyond the last finite one, which nothing else reads.
        for half in range(2):
            tables[:, half * _NEGATIVE + _FIRST_INFINITE : (half + 1) * _NEGATIVE] = 0
    # Zero means no other value: the cell of zero is read at any rate.
    low = np.uint64(0) if least == _NONE else (least + _ONE) >> _SHIFT
    return int(_collect(tables, np.int64(low), np.int64(most >> _SHIFT), keys, counts))
