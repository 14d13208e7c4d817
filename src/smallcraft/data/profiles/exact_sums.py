"""Sums of floats without rounding, so that they are the same in any order and however they are split.

A finite float64 is an integer times a power of two; here all are integers of one unit, `2**-1128`, and Python
adds those exactly. A spread from exact sums keeps its digits, also of seconds since 1970.
Always: `exact_sum(a) + exact_sum(b) == exact_sum(a and b)`, and so for squares.
Source: Kulisch (2013), Computer Arithmetic and Validity, chapter 8 (a long accumulator).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

UNIT_BITS = 1128
# Of squares: what is smaller counts as 0, what is larger as this.
SMALLEST_ROOT, LARGEST_ROOT = 2.0**-450, 2.0**511
_MANTISSA_BITS, _LOW_BITS = 53, 27
_OFFSET = 1074
# Sums of halves of mantissas are exact up to so many.
_MOST_AT_ONCE = 1 << 25
# So few are added one by one.
_FEW = 40
_LOW_MASK = np.uint64((1 << _LOW_BITS) - 1)


def exact_sum(values: NDArray[np.float64]) -> int:
    """The sum in units of `2**-1128`.

    Args:
        values: `(n,)` finite.

    >>> to_float(exact_sum(np.array([1e100, 1.0, -1e100])))
    1.0
    """
    if len(values) <= _FEW:
        return sum(map(from_float, values.tolist()))
    return sum(_sum(values[at : at + _MOST_AT_ONCE]) for at in range(0, len(values), _MOST_AT_ONCE))


def exact_squares(values: NDArray[np.float64]) -> int:
    """The sum of the squares in units of `2**-1128`; of values below `2**-450` or above `2**511`, of those.

    Args:
        values: `(n,)` finite.

    >>> to_float(exact_squares(np.array([3.0, 4.0])))
    25.0
    """
    if len(values) <= _FEW:
        return sum(map(_square, values.tolist()))
    size = np.minimum(np.abs(values), LARGEST_ROOT)
    size[size < SMALLEST_ROOT] = 0.0
    # Halves of 26 bits, whose products are exact: (a + b)^2 = a^2 + 2ab + b^2.
    rounded = size.view(np.uint64) + np.uint64(1 << (_LOW_BITS - 1))
    high = (rounded & ~_LOW_MASK).view(np.float64)
    low = size - high
    return exact_sum(np.concatenate([high * high, 2.0 * high * low, low * low]))


def to_float(total: int) -> float:
    """The float64 nearest to a sum; infinite when it is larger than all of them."""
    try:
        return total / (1 << UNIT_BITS)
    except OverflowError:
        return math.inf if total > 0 else -math.inf


def from_float(value: float) -> int:
    """A finite float in units of `2**-1128`."""
    fraction, exponent = math.frexp(value)
    return int(fraction * 2.0**_MANTISSA_BITS) << (exponent - _MANTISSA_BITS + UNIT_BITS)


def _square(value: float) -> int:
    fraction, exponent = math.frexp(min(abs(value), LARGEST_ROOT))
    if abs(value) < SMALLEST_ROOT:
        return 0
    mantissa = int(fraction * 2.0**_MANTISSA_BITS)
    return mantissa * mantissa << (2 * (exponent - _MANTISSA_BITS) + UNIT_BITS)


def _sum(values: NDArray[np.float64]) -> int:
    fractions, exponents = np.frexp(values)
    mantissas = fractions * 2.0**_MANTISSA_BITS
    high = np.floor(mantissas * 2.0**-_LOW_BITS)
    low = mantissas - high * 2.0**_LOW_BITS
    places = exponents + _OFFSET
    highs = np.bincount(places, weights=high)
    lows = np.bincount(places, weights=low)
    total = 0
    for place in np.flatnonzero((highs != 0) | (lows != 0)).tolist():
        whole = (int(highs[place]) << _LOW_BITS) + int(lows[place])
        total += whole << (place - _OFFSET - _MANTISSA_BITS + UNIT_BITS)
    return total
