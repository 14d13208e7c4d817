"""Compiled loops of the search for neighbours by cosine: signatures, buckets, verified pairs, best so far.

Choosing how many bits and tables belongs to `stats.neighbours`, which alone calls this.
A *signature* is the signs of a row's products with random directions, packed into words; *table* `t` of
`bits` bits reads signs `t * bits` to `(t + 1) * bits - 1`, and rows that agree in these share a *bucket*.
Always: each kernel has a plain numpy twin (`..._plain`) with the same answer; a pair is kept by its exact
cosine, whatever brought it here.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

_WORD = 64
_PRIME = np.uint64(0x100000001B3)
_OFFSET = np.uint64(0xCBF29CE484222325)

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
Words = NDArray[np.uint64]


@njit(cache=True)
def hash_rows(vectors: Floats, out: Words) -> None:
    """A number for each row; rows of equal bytes get equal ones (FNV-1a over the row's words)."""
    words = vectors.view(np.uint32)
    for row in range(len(words)):
        state = _OFFSET
        for place in range(words.shape[1]):
            state = (state ^ np.uint64(words[row, place])) * _PRIME
            state ^= state >> np.uint64(29)
        out[row] = state


@njit(cache=True)
def pack_signs(products: Floats, out: Words) -> None:
    """Bit `b` of a row is set where its product `b` is not negative."""
    for row in range(len(products)):
        for word in range(out.shape[1]):
            first = word * _WORD
            packed = np.uint64(0)
            for place in range(min(_WORD, products.shape[1] - first)):
                packed |= np.uint64(products[row, first + place] >= 0) << np.uint64(place)
            out[row, word] = packed


def pack_signs_plain(products: Floats, out: Words) -> None:
    """What `pack_signs` does."""
    padded = np.zeros((len(products), out.shape[1] * _WORD), dtype=np.uint8)
    padded[:, : products.shape[1]] = products >= 0
    out[:] = np.packbits(padded, axis=1, bitorder="little").view(np.uint64)


@njit(cache=True)
def _key(signatures: Words, row: int, first: int, bits: int) -> np.uint64:
    """`bits` bits of a signature from bit `first` on."""
    word, shift = first >> 6, np.uint64(first & 63)
    key = signatures[row, word] >> shift
    if (first & 63) + bits > _WORD:
        key |= signatures[row, word + 1] << (np.uint64(_WORD) - shift)
    return np.uint64(key & ((np.uint64(1) << np.uint64(bits)) - np.uint64(1)))


@njit(cache=True)
def _bucket(signatures: Words, first: int, bits: int, starts: Rows, order: NDArray[np.int32]) -> None:
    """Rows in order of their key, and where each key's rows start; a counting sort."""
    starts[:] = 0
    for row in range(len(signatures)):
        starts[np.int64(_key(signatures, row, first, bits)) + 1] += 1
    for key in range(len(starts) - 1):
        starts[key + 1] += starts[key]
    for row in range(len(signatures) - 1, -1, -1):
        after = np.int64(_key(signatures, row, first, bits)) + 1
        starts[after] -= 1
        order[starts[after]] = row
    # Each entry now holds the start of the key before it; the last one is the total.
    for key in range(len(starts) - 1):
        starts[key] = starts[key + 1]
    starts[-1] = len(signatures)


@njit(cache=True)
def count_meetings(signatures: Words, bits: int, tables: int, window: int) -> np.int64:
    """How many pairs meet in a bucket, over all tables, when a row meets the next `window` rows at most."""
    starts = np.empty((1 << bits) + 1, dtype=np.int64)
    order = np.empty(len(signatures), dtype=np.int32)
    total = np.int64(0)
    for table in range(tables):
        _bucket(signatures, table * bits, bits, starts, order)
        for key in range(1 << bits):
            size = starts[key + 1] - starts[key]
            reach = min(size - 1, window)
            total += reach * size - reach * (reach + 1) // 2
    return total


@njit(cache=True)
def _ones(word: np.uint64) -> np.int64:
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(cache=True, fastmath={"reassoc", "contract"})
def _cosine(vectors: Floats, norms: NDArray[np.float64], one: int, other: int) -> float:
    total = 0.0
    for place in range(vectors.shape[1]):
        total += np.float64(vectors[one, place]) * np.float64(vectors[other, place])
    return float(total / (norms[one] * norms[other]))


@njit(cache=True)
def _met_before(signatures: Words, one: int, other: int, bits: int, table: int) -> bool:
    for earlier in range(table):
        if _key(signatures, one, earlier * bits, bits) == _key(signatures, other, earlier * bits, bits):
            return True
    return False


@njit(cache=True)
def meet(
    rows: tuple[Floats, NDArray[np.float64], Rows],
    signatures: Words,
    sides: Rows,
    found: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]],
    taken: NDArray[np.int32],
    tables: tuple[int, int, int],
    least: float,
    window: int,
) -> int:
    """Pairs of rows that share a bucket, whose signatures are near, and whose cosine is at least `least`.

    Args:
        rows: Vectors, their norms, and the places of the `n` rows meant; none of these has a norm of 0.
        signatures: Of these rows.
        sides: Only rows of different sides are compared; empty: all.
        found: First, second and cosine; their length is `n` times the pairs that a row may have.
        taken: `(n,)` zeros; how many pairs each row is in. A pair of two rows that are full is left out.
        tables: Bits of a table, number of tables, and how many bits of two signatures may differ.
        least: A cosine.
        window: In a bucket a row meets the next so many at most.

    Returns:
        How many were found.
    """
    vectors, norms, at = rows
    first, second, cosine = found
    bits, count_of_tables, most_differing = tables
    full = len(first) // max(1, len(at))
    starts = np.empty((1 << bits) + 1, dtype=np.int64)
    order = np.empty(len(at), dtype=np.int32)
    is_whole = window >= len(at)
    count = 0
    for table in range(count_of_tables):
        _bucket(signatures, table * bits, bits, starts, order)
        for key in range(1 << bits):
            end = starts[key + 1]
            for place in range(starts[key], end):
                one = order[place]
                for after in range(place + 1, min(end, place + 1 + window)):
                    other = order[after]
                    if taken[one] >= full and taken[other] >= full:
                        continue
                    differing = np.int64(0)
                    for word in range(signatures.shape[1]):
                        differing += _ones(signatures[one, word] ^ signatures[other, word])
                    if differing > most_differing or (len(sides) and sides[one] == sides[other]):
                        continue
                    if is_whole and _met_before(signatures, one, other, bits, table):
                        continue
                    value = _cosine(vectors, norms, at[one], at[other])
                    if value >= least:
                        first[count], second[count], cosine[count] = one, other, value
                        count += 1
                        taken[one] += 1
                        taken[other] += 1
    return count


@njit(cache=True)
def admit(
    rows: tuple[Floats, NDArray[np.float64], Rows],
    sides: Rows,
    candidates: tuple[Rows, Rows],
    found: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]],
    taken: NDArray[np.int32],
    count: int,
    least: float,
) -> int:
    """Put those candidates behind the `count` pairs found so far that `meet` would have kept.

    Returns:
        How many are found now.
    """
    vectors, norms, at = rows
    first, second, cosine = found
    full = len(first) // max(1, len(at))
    for place in range(len(candidates[0])):
        one, other = candidates[0][place], candidates[1][place]
        if (len(sides) and sides[one] == sides[other]) or (taken[one] >= full and taken[other] >= full):
            continue
        value = _cosine(vectors, norms, at[one], at[other])
        if value >= least:
            first[count], second[count], cosine[count] = one, other, value
            count += 1
            taken[one] += 1
            taken[other] += 1
    return count


def plain_pairs(
    vectors: Floats, norms: NDArray[np.float64], least: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What `meet` and `admit` find among all rows, in plain numpy: the whole matrix of cosines."""
    unit = vectors.astype(np.float64) / norms[:, None]
    first, second = np.nonzero(np.triu(unit @ unit.T >= least, 1))
    return first, second


@njit(cache=True)
def keep_best(products: Floats, begin: int, best: Floats, rows: Rows) -> None:
    """Put the products of one block among each query's best so far, best first; the earlier row on a tie.

    Args:
        products: `(q, m)` with rows `begin` to `begin + m - 1`; NaN is no neighbour.
        begin: The first row of the block.
        best: `(q, k)` descending, -inf where there is none yet; written.
        rows: `(q, k)`; written.
    """
    k = best.shape[1]
    for query in range(len(products)):
        worst = best[query, k - 1]
        for place in range(products.shape[1]):
            value = products[query, place]
            if value > worst:
                at = k - 1
                while at > 0 and best[query, at - 1] < value:
                    best[query, at], rows[query, at] = best[query, at - 1], rows[query, at - 1]
                    at -= 1
                best[query, at], rows[query, at] = value, begin + place
                worst = best[query, k - 1]


def keep_best_plain(products: Floats, begin: int, best: Floats, rows: Rows) -> None:
    """What `keep_best` does."""
    block = np.broadcast_to(np.arange(begin, begin + products.shape[1]), products.shape)
    known = np.where(np.isnan(products), -np.inf, products)
    every, every_row = np.concatenate([best, known], axis=1), np.concatenate([rows, block], axis=1)
    order = np.argsort(-every, axis=1, kind="stable")[:, : best.shape[1]]
    chosen = np.take_along_axis(every, order, axis=1)
    rows[:] = np.where(np.isneginf(chosen), -1, np.take_along_axis(every_row, order, axis=1))
    best[:] = chosen
