"""Texts as sets of character trigrams, and the pairs of sets whose Jaccard index reaches a bound.

Which rows count as duplicates belongs to `data.duplicates`, the loops to `stats.kernels.grams`. Nothing is
random. Memory: 4 bytes a gram (8 past 1,625 different letters), and 12 for each gram of a set's prefix.
Always: every pair returned is verified exactly. No pair is missed as long as `COMPARISON_BUDGET` sketches,
`CANDIDATE_BUDGET` candidates that these leave over, and `PAIR_BUDGET` pairs suffice; past one of them (texts
made from very few templates) each text meets only its nearest neighbours in size and content, so the work
stays linear and pairs may be missed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GRAM = 3
COMPARISON_BUDGET = 10_000_000_000
CANDIDATE_BUDGET = 100_000_000
PAIR_BUDGET = 20_000_000
_BLOCK = 32_768
_WORDS = 4
_CODE_POINTS = 0x110000
_LEAST_TOKEN_BITS, _MOST_TOKEN_BITS = 10, 22


Grams = NDArray[np.uint32] | NDArray[np.uint64]
Index = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]
Prefixes = tuple[NDArray[np.uint32], NDArray[np.int64]]


@dataclass(frozen=True)
class GramSets:
    """Sets of grams, one a text.

    Attributes:
        grams: `(total,)` uint32 or uint64, distinct and ascending inside each set.
        starts: `(n + 1,)` int64; set `i` is `grams[starts[i]:starts[i + 1]]`.
        sketches: `(n, 4)` uint64; bit `b` is the parity of the number of grams that hash to `b`.
    """

    grams: Grams
    starts: NDArray[np.int64]
    sketches: NDArray[np.uint64]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """`(n,)` int64, at least 1."""
        return np.diff(self.starts)


@dataclass(frozen=True)
class SimilarPairs:
    """Pairs `first[i] < second[i]` of texts and their Jaccard index."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    similarity: NDArray[np.float64]


def gram_sets(texts: Sequence[str]) -> GramSets:
    """Character trigrams of each text with one space before and after it; none is empty.

    >>> int(gram_sets(["abab"]).sizes[0])
    4
    """
    from smallcraft.stats.kernels.grams import append_sets

    alphabet, base = _alphabet(texts)
    room = sum(max(len(text), 1) for text in texts)
    grams = np.empty(room, np.uint32) if base**GRAM <= 2**32 else np.empty(room, np.uint64)
    starts = np.zeros(len(texts) + 1, dtype=np.int64)
    sketches = np.zeros((len(texts), _WORDS), dtype=np.uint64)
    for begin, block in _blocks(texts):
        lengths = np.fromiter(map(len, block), dtype=np.int64, count=len(block))
        end = begin + len(block)
        append_sets(
            alphabet[_points(block)], lengths, base, grams, starts[begin : end + 1], sketches[begin:end]
        )
    return GramSets(grams[: starts[-1]], starts, sketches)


def _alphabet(texts: Sequence[str]) -> tuple[NDArray[np.int64], int]:
    """A number from 1 for each code point that occurs, and how many numbers there are; the edge is 0."""
    from smallcraft.stats.kernels.grams import mark_letters

    seen = np.zeros(_CODE_POINTS, dtype=np.bool_)
    for _, block in _blocks(texts):
        mark_letters(_points(block), seen)
    seen[ord(" ")] = False
    numbers = np.cumsum(seen, dtype=np.int64)
    base = int(numbers[-1]) + 1
    numbers[ord(" ")] = 0
    return numbers, base


def _blocks(texts: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    for begin in range(0, len(texts), _BLOCK):
        yield begin, texts[begin : begin + _BLOCK]


def _points(block: Sequence[str]) -> NDArray[np.uint32]:
    return np.frombuffer("".join(block).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def similar_pairs(sets: GramSets, *, bound: float, sides: NDArray[np.int64] | None = None) -> SimilarPairs:
    """All pairs of sets with a Jaccard index of at least `bound`.

    Args:
        sets: From `gram_sets`.
        bound: In (0, 1].
        sides: `(n,)` bit masks; only pairs that hold two different bits between them are returned, so with
            bits 1 and 2 the pairs across two sides. None: all pairs.

    Returns:
        Sorted by first, then second.
    """
    pairs = _search(sets, bound, sides, PAIR_BUDGET, is_forest=False)
    keys = pairs.first * len(sets.sizes) + pairs.second
    _, kept = np.unique(keys, return_index=True)
    return SimilarPairs(pairs.first[kept], pairs.second[kept], pairs.similarity[kept])


def jaccard_of(sets: GramSets, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    """The Jaccard index of each pair of sets.

    >>> jaccard_of(gram_sets(["abc", "ab"]), np.array([0]), np.array([1])).tolist()
    [0.25]
    """
    from smallcraft.stats.kernels.grams import jaccards

    return np.asarray(jaccards(sets.grams, sets.starts, first, second))


def linking_pairs(sets: GramSets, *, bound: float) -> SimilarPairs:
    """As few similar pairs as link what all similar pairs link: a spanning forest, fewer pairs than sets.

    Args:
        sets: From `gram_sets`.
        bound: In (0, 1].
    """
    return _search(sets, bound, None, CANDIDATE_BUDGET, is_forest=True)


def _search(
    sets: GramSets, bound: float, sides: NDArray[np.int64] | None, narrow: int, *, is_forest: bool
) -> SimilarPairs:
    """Search without a window; where a budget is passed, with the widest one that fits."""
    from smallcraft.stats.kernels.grams import search

    n = len(sets.sizes)
    if n < 2:
        return SimilarPairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    prefixes, index = _prefix_index(sets, bound)
    narrow = max(narrow, len(index[1]))  # with a window of one, each entry meets one other
    room = min(n - 1 if is_forest else narrow, n * (n - 1) // 2 * GRAM)
    found = (np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room))
    masks = np.empty(0, dtype=np.int64) if sides is None else np.asarray(sides, dtype=np.int64)
    for budget, most in ((COMPARISON_BUDGET, CANDIDATE_BUDGET), (narrow, narrow)):
        parent = np.arange(n if is_forest else 0, dtype=np.int32)
        window = _widest_window(sets, index, bound, budget)
        filled = (sets.grams, sets.starts, sets.sketches)
        count = search(index, prefixes, filled, masks, parent, found, bound, window, most)
        if count >= 0:
            break
    assert count >= 0, "a window within the budget cannot overflow it"
    first, second = (column[:count].astype(np.int64) for column in found[:2])
    return SimilarPairs(first, second, found[2][:count].copy())


def _prefix_index(sets: GramSets, bound: float) -> tuple[Prefixes, Index]:
    """The rarest grams of each set, of which two similar sets share one; and the sets by such gram."""
    from smallcraft.stats.kernels.grams import SLACK, count_tokens, group_by_token, rarest_tokens

    sizes = sets.sizes
    wanted = math.ceil(math.log2(len(sets.grams) + 1))
    bits = min(max(wanted, _LEAST_TOKEN_BITS), _MOST_TOKEN_BITS)
    ends = np.zeros(len(sizes) + 1, dtype=np.int64)
    np.cumsum(sizes - np.ceil(bound * sizes - SLACK).astype(np.int64) + 1, out=ends[1:])
    tokens = rarest_tokens(sets.grams, sets.starts, ends, count_tokens(sets.grams, bits), bits)
    order = np.lexsort((sets.sketches[:, 0], sizes))
    return (tokens, ends), group_by_token(tokens, ends, order, bits)


def _widest_window(sets: GramSets, index: Index, bound: float, budget: int) -> int:
    """The most others that an entry may meet so that all together fit in the budget."""
    from smallcraft.stats.kernels.grams import count_comparisons

    high = len(index[1])
    if count_comparisons(*index, sets.starts, bound, high) <= budget:
        return high
    low = 1
    while low + 1 < high:
        middle = (low + high) // 2
        if count_comparisons(*index, sets.starts, bound, middle) <= budget:
            low = middle
        else:
            high = middle
    return low


def usable_bound(similarity: float) -> bool:
    """True for a Jaccard bound that the search can work with."""
    return math.isfinite(similarity) and 0.0 < similarity <= 1.0
