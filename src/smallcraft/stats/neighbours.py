"""Rows of a matrix that point the same way: all pairs above a cosine, and the nearest rows of each query.

`cosine_pairs` hashes rows by the signs of random directions into buckets and verifies what meets there; how
many bits and tables it takes follows from the stated chance of a miss and from angles of sampled rows.
`nearest` looks at everything.
Always: a cosine is computed in float64 from the rows as they came, so a pair returned is never a wrong one; a
row of zeros has no neighbour; the same seed gives the same pairs.
Source: Charikar (2002), STOC, section 3, for the hash; Indyk and Motwani (1998), STOC, for the tables.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.stats.intervals import require_fraction

Vectors = NDArray[np.float32]

PAIR_BUDGET = 5_000_000
MEETING_BUDGET = 5_000_000_000
_PAIRS_A_ROW = 1_000
_BRUTE_UP_TO = 3_000
_SAMPLE, _BINS = 1_000, 1_000
_MOST_BITS, _MOST_TABLES = 20, 2_000
_LEAST_ANGLE = 1e-3
_BLOCK = 4_096
_QUERIES, _POOL = 512, 16_384
_ROUNDING = 1e-5
# Seconds for one of each, measured on one core of 2021; only their ratios matter.
_MULTIPLY_S, _SIGN_S, _BUCKET_S, _MEET_S, _SCAN_S = 3e-11, 2e-9, 1e-8, 4e-9, 1e-9


@dataclass(frozen=True)
class CosinePairs:
    """Pairs of rows and their cosine, sorted by first, then second.

    Attributes:
        first: `(m,)` int64, below `second`; with sides, the row of the lower side.
        second: `(m,)` int64.
        cosine: `(m,)` float64.
        is_complete: False when a row was in so many pairs (1,000; fewer above 5,000 rows) that pairs of two
            such rows were left out, or buckets were so full that rows met only some others.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    cosine: NDArray[np.float64]
    is_complete: bool = True


@dataclass(frozen=True)
class Nearest:
    """The nearest rows of each query, nearest first.

    Attributes:
        rows: `(q, k)` int64; -1 where there is none.
        cosine: `(q, k)` float64; NaN where there is none.
    """

    rows: NDArray[np.int64]
    cosine: NDArray[np.float64]


@dataclass(frozen=True)
class _Rows:
    """The rows that are searched, as places in the matrix they stand in: nothing is copied.

    Attributes:
        vectors: `(n, d)` float32.
        norms: `(n,)` float64.
        at: `(m,)` int64 places of the rows searched; their norms are above 0.
    """

    vectors: Vectors
    norms: NDArray[np.float64]
    at: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.at)

    def unit(self, places: NDArray[np.int64] | slice) -> Vectors:
        """Some of them, normalised."""
        chosen = self.at[places]
        return np.asarray(self.vectors[chosen] / self.norms[chosen, None].astype(np.float32), np.float32)


@dataclass(frozen=True)
class _Plan:
    """How the search is made; `tables` is 0 where comparing everything is cheaper."""

    bits: int
    tables: int
    most_differing: int


def cosine_pairs(
    vectors: Vectors,
    *,
    least: float,
    sides: NDArray[np.int64] | None = None,
    miss: float = 1e-6,
    seed: int = 0,
) -> CosinePairs:
    """All pairs of rows with a cosine of at least `least`.

    Of rows that are equal to the bit, the first stands for all: each other one is paired with it alone. With
    sides the first of the lower side does, and every row of the higher side is paired on its own.

    Args:
        vectors: `(n, d)`; need not be normalised.
        least: In (0, 1].
        sides: `(n,)`; only rows of different sides are paired. None: all.
        miss: Chance that a pair is missed, in (0, 1); 3,000 rows and fewer are all compared.
        seed: Of the random directions.

    Raises:
        InvalidInputError: A value above is out of its range, or a number is not finite.

    >>> rows = np.array([[1, 0], [0, 1], [2, 0.1], [0, 0]], dtype=np.float32)
    >>> pairs = cosine_pairs(rows, least=0.99)
    >>> pairs.first.tolist(), pairs.second.tolist()
    ([0], [2])
    """
    rows, norms = _checked(vectors)
    if not 0 < least <= 1:
        raise InvalidInputError(f"least must be a cosine in (0, 1], got {least:g}; 0.95 is usual")
    require_fraction(miss, "miss")
    if sides is not None and len(sides) != len(rows):
        raise InvalidInputError(f"sides must name one side a row, got {len(sides)} for {len(rows)} rows")
    alike = _equal_rows(rows, sides)
    kept = np.flatnonzero((alike == np.arange(len(rows))) & (norms > 0))
    part = np.empty(0, np.int64) if sides is None else np.asarray(sides, dtype=np.int64)[kept]
    found = _search(_Rows(rows, norms, kept), part, (least, miss, seed))
    first, second = kept[found.first], kept[found.second]
    if sides is None:
        repeated = np.flatnonzero((alike != np.arange(len(rows))) & (norms > 0))
        first, second = np.append(first, alike[repeated]), np.append(second, repeated)
        return _sorted(first, second, np.append(found.cosine, np.ones(len(repeated))), found.is_complete)
    is_lower = sides[first] < sides[second]
    first, second = np.where(is_lower, first, second), np.where(is_lower, second, first)
    return _every_copy(first, second, found, alike)


def cosines_of(vectors: Vectors, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    """The cosine of each pair of rows; NaN where one is zero.

    >>> cosines_of(np.array([[1, 0], [3, 0], [0, 0]], dtype=np.float32), np.array([0, 0]), np.array([1, 2]))
    array([ 1., nan])
    """
    rows, norms = _checked(vectors)
    found = np.full(len(first), np.nan)
    for begin in range(0, len(first), _BLOCK):
        one, other = first[begin : begin + _BLOCK], second[begin : begin + _BLOCK]
        products = np.einsum("ij,ij->i", rows[one], rows[other], dtype=np.float64)
        lengths = norms[one] * norms[other]
        np.divide(products, lengths, out=found[begin : begin + _BLOCK], where=lengths > 0)
    return np.asarray(np.clip(found, -1, 1))


def _checked(vectors: Vectors) -> tuple[Vectors, NDArray[np.float64]]:
    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise InvalidInputError(f"vectors must be an (n, d) matrix with d of at least 1, got {rows.shape}")
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    if not np.isfinite(norms).all():
        bad = int(np.flatnonzero(~np.isfinite(norms))[0])
        raise InvalidInputError(f"row {bad} of the vectors holds a number that is not finite; leave it out")
    return rows, norms


def _equal_rows(rows: Vectors, sides: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """For each row the first one of its side that is equal to the bit; itself where it is the first."""
    from smallcraft.stats.kernels.neighbours import hash_rows

    hashes = np.empty(len(rows), dtype=np.uint64)
    hash_rows(rows, hashes)
    if sides is not None:
        hashes ^= sides.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    _, first, number = np.unique(hashes, return_index=True, return_inverse=True)
    alike: NDArray[np.int64] = first[number].astype(np.int64)
    for row in np.flatnonzero(alike != np.arange(len(rows))):
        other = alike[row]
        same_side = sides is None or sides[row] == sides[other]
        if not (same_side and np.array_equal(rows[row], rows[other])):
            alike[row] = row
    return alike


def _search(rows: _Rows, sides: NDArray[np.int64], ask: tuple[float, float, int]) -> CosinePairs:
    least, miss, seed = ask
    rng = np.random.default_rng(seed)
    plan = _plan(rows, least, miss, rng)
    room = len(rows) * max(1, min(_PAIRS_A_ROW, PAIR_BUDGET // max(len(rows), 1), len(rows)))
    found = (np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room))
    taken, window = np.zeros(len(rows), dtype=np.int32), len(rows)
    given = (rows.vectors, rows.norms, rows.at)
    if plan.tables:
        from smallcraft.stats.kernels.neighbours import meet

        signatures = _signatures(rows, plan, rng)
        window = _widest_window(signatures, plan)
        tables = (plan.bits, plan.tables, plan.most_differing)
        count = meet(given, signatures, sides, found, taken, tables, least, window)
    else:
        count = _compare_all(rows, sides, found, taken, least)
    is_complete = window >= len(rows) and len(rows) * int(taken.max(initial=0)) < room
    first, second = (column[:count].astype(np.int64) for column in found[:2])
    return _sorted(first, second, found[2][:count], is_complete)


def _widest_window(signatures: NDArray[np.uint64], plan: _Plan) -> int:
    """The most rows of its bucket that a row may meet so that all together fit in the budget."""
    from smallcraft.stats.kernels.neighbours import count_meetings

    window = len(signatures)
    while window > 1 and count_meetings(signatures, plan.bits, plan.tables, window) > MEETING_BUDGET:
        window //= 2
    return window


def _plan(rows: _Rows, least: float, miss: float, rng: np.random.Generator) -> _Plan:
    """The bits a table that cost least, given how the angles of sampled pairs are spread."""
    n, d = len(rows), rows.vectors.shape[1]
    if n <= _BRUTE_UP_TO:
        return _Plan(0, 0, 0)
    unit = rows.unit(rng.choice(n, min(n, _SAMPLE), replace=False))
    cosines = np.clip((unit @ unit.T)[np.triu_indices(len(unit), 1)], -1, 1)
    share, edges = np.histogram(cosines, bins=_BINS, range=(-1, 1))
    share, agree = share / len(cosines), 1 - np.arccos((edges[:-1] + edges[1:]) / 2) / np.pi
    angle = max(math.acos(least), _LEAST_ANGLE) / math.pi
    pairs, best, cost = n * (n - 1) / 2, _Plan(0, 0, 0), n * n * (d * _MULTIPLY_S / 2 + _SCAN_S)
    for bits in range(4, _MOST_BITS + 1):
        tables = math.ceil(math.log(miss / 2) / math.log1p(-((1 - angle) ** bits)))
        signs = tables * bits
        if tables > _MOST_TABLES:
            break
        meetings = tables * pairs * float(share @ agree**bits)
        taken = n * signs * (d * _MULTIPLY_S + _SIGN_S) + tables * (n + 2**bits) * _BUCKET_S
        taken += meetings * _MEET_S
        if taken < cost:
            differing = int(scipy.stats.binom.isf(miss / 2, signs, angle))
            best, cost = _Plan(bits, tables, differing), taken
    return best


def _signatures(rows: _Rows, plan: _Plan, rng: np.random.Generator) -> NDArray[np.uint64]:
    from smallcraft.stats.kernels.neighbours import pack_signs

    signs = plan.bits * plan.tables
    directions = rng.standard_normal((rows.vectors.shape[1], signs), dtype=np.float32)
    signatures = np.empty((len(rows), -(-signs // 64)), dtype=np.uint64)
    for here in _blocks(len(rows), _BLOCK):
        pack_signs(rows.vectors[rows.at[here]] @ directions, signatures[here])
    return signatures


def _compare_all(
    rows: _Rows,
    sides: NDArray[np.int64],
    found: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]],
    taken: NDArray[np.int32],
    least: float,
) -> int:
    """Every pair, in blocks; float32 products only leave out what is clearly below."""
    from smallcraft.stats.kernels.neighbours import admit

    count = 0
    for above in _blocks(len(rows), _BLOCK):
        pool = rows.unit(above)
        for here in _blocks(above.stop, _BLOCK // 4):
            one, other = np.nonzero(rows.unit(here) @ pool.T >= least - _ROUNDING)
            one, other = one + here.start, other + above.start
            fits = one < other
            candidates = one[fits], other[fits]
            count = admit((rows.vectors, rows.norms, rows.at), sides, candidates, found, taken, count, least)
    return count


def _blocks(rows: int, size: int) -> Iterator[slice]:
    for begin in range(0, rows, size):
        yield slice(begin, min(begin + size, rows))


def _sorted(
    first: NDArray[np.int64], second: NDArray[np.int64], cosine: NDArray[np.float64], is_complete: bool
) -> CosinePairs:
    """In order, each pair once, no cosine above 1."""
    width = int(second.max(initial=0)) + 1
    _, kept = np.unique(first * width + second, return_index=True)
    return CosinePairs(first[kept], second[kept], np.minimum(cosine[kept], 1.0), is_complete)


def _every_copy(
    first: NDArray[np.int64], second: NDArray[np.int64], found: CosinePairs, alike: NDArray[np.int64]
) -> CosinePairs:
    """The pairs, each with all rows of the higher side that equal its second."""
    by_first = np.argsort(alike, kind="stable")
    begin = np.searchsorted(alike[by_first], second, side="left")
    count = np.searchsorted(alike[by_first], second, side="right") - begin
    pair = np.repeat(np.arange(len(first)), count)
    within = np.arange(len(pair)) - np.repeat(np.cumsum(count) - count, count)
    copies = by_first[begin[pair] + within]
    return _sorted(first[pair], copies, found.cosine[pair], found.is_complete)


def nearest(queries: Vectors, vectors: Vectors, *, k: int, exclude_self: bool = False) -> Nearest:
    """The `k` rows of `vectors` that point most nearly as each query does.

    Everything is compared, in blocks of bounded memory. Products in float32 choose the rows (so the last of
    the list may be one whose cosine is 1e-6 lower); the cosines returned are exact. On a tie the earlier row
    comes first.

    Args:
        queries: `(q, d)`.
        vectors: `(n, d)`.
        k: At least 1. Where there are fewer rows, the list ends with -1.
        exclude_self: True when queries are the vectors, row by row, and no row is its own neighbour.

    Raises:
        InvalidInputError: A value above is out of its range, or a number is not finite.

    >>> rows = np.array([[1, 0], [0, 1], [2, 0.1]], dtype=np.float32)
    >>> nearest(rows, rows, k=1, exclude_self=True).rows.tolist()
    [[2], [2], [0]]
    """
    from smallcraft.stats.kernels.neighbours import keep_best

    asked, asked_norms = _checked(queries)
    rows, norms = _checked(vectors)
    if asked.shape[1] != rows.shape[1] or (exclude_self and len(asked) != len(rows)) or k < 1:
        raise InvalidInputError(
            "nearest needs k of at least 1 and queries as wide as the vectors (as many, too, to leave out "
            f"a row itself), got k={k}, queries {asked.shape}, vectors {rows.shape}"
        )
    found = np.full((len(asked), k), -1, dtype=np.int64)
    known = _Rows(rows, norms, np.arange(len(rows)))
    for here in _blocks(len(asked), _QUERIES):
        best = np.full((here.stop - here.start, k), -np.inf, dtype=np.float32)
        for pool in _blocks(len(rows), _POOL):
            with np.errstate(divide="ignore", invalid="ignore"):
                products = asked[here] @ known.unit(pool).T
            if exclude_self:
                own = np.arange(here.start, here.stop) - pool.start
                inside = (own >= 0) & (own < products.shape[1])
                products[np.flatnonzero(inside), own[inside]] = np.nan
            keep_best(products, pool.start, best, found[here])
    found[asked_norms == 0] = -1
    return _with_cosines(asked, asked_norms, rows, norms, found)


def _with_cosines(
    asked: Vectors,
    asked_norms: NDArray[np.float64],
    rows: Vectors,
    norms: NDArray[np.float64],
    found: NDArray[np.int64],
) -> Nearest:
    cosine = np.full(found.shape, np.nan)
    for place in range(found.shape[1]):
        has = np.flatnonzero(found[:, place] >= 0)
        at = found[has, place]
        products = np.einsum("ij,ij->i", asked[has], rows[at], dtype=np.float64)
        cosine[has, place] = np.clip(products / (asked_norms[has] * norms[at]), -1, 1)
    order = np.lexsort((found, -np.nan_to_num(cosine, nan=-2.0)), axis=1)
    return Nearest(np.take_along_axis(found, order, axis=1), np.take_along_axis(cosine, order, axis=1))
