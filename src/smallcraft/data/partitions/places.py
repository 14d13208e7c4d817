"""A number for each row of a table in pieces, from its place alone: for drawing samples and dealing blocks.

Always: the same seed and place give the same number on every machine; different places give numbers that look
independent.
Source: Steele, Lea, Flood (2014), OOPSLA, "Fast splittable pseudorandom number generators" (SplitMix64).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Rows of one piece, at most.
PIECE_BITS = 40
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def places_of(piece: int, first_row: int, rows: int) -> NDArray[np.uint64]:
    """`(rows,)` places of rows that follow one another in a piece.

    >>> places_of(1, 5, 2).tolist() == [2**40 + 5, 2**40 + 6]
    True
    """
    start = (piece << PIECE_BITS) + first_row
    return np.arange(start, start + rows, dtype=np.uint64)


def numbers_of(places: NDArray[np.uint64], *, seed: int, use: str) -> NDArray[np.uint64]:
    """A number for each place, evenly spread over 64 bits.

    Args:
        places: Of `places_of`.
        seed: The project's.
        use: What the numbers are for; other uses get other numbers.
    """
    salt = np.uint64((seed * 0x2545F4914F6CDD1D + int.from_bytes(use.encode()[:8], "little")) % 2**64)
    with np.errstate(over="ignore"):
        return _mixed(places + _mixed(np.full(1, salt)))


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        mixed = numbers + _GOLDEN
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
        found: NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return found
