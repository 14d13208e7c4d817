"""Texts as sets of character trigrams, and all pairs of sets whose Jaccard index reaches a bound.

Which rows count as duplicates belongs to `data.duplicates`. Numbers in, numbers out; nothing is random.
Always: every pair returned is verified exactly. No pair is missed as long as the candidates fit in
`CANDIDATE_BUDGET`; past it (texts made from very few templates) each text meets only its nearest
neighbours in size and content, so the work stays linear and pairs may be missed.
Source: prefix filter of Bayardo et al. (2007), WWW, section 3; candidates are dropped early by a lower
bound on the symmetric difference: bits of two parity sketches that differ.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GRAM = 3
CANDIDATE_BUDGET = 200_000_000
_CHUNK = 2_000_000
_WORDS = 4
_CODE_POINT_BITS = 21
_EDGE = " "


@dataclass(frozen=True)
class GramSets:
    """Sets of grams, one a text; grams are numbered from the rarest to the most common.

    Attributes:
        grams: `(total,)` int64, ascending inside each set.
        starts: `(n + 1,)` int64; set `i` is `grams[starts[i]:starts[i + 1]]`.
        sketches: `(n, 4)` uint64; bit `b` is the parity of the number of grams that hash to `b`.
    """

    grams: NDArray[np.int64]
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
    padded = [f"{_EDGE}{text}{_EDGE}".ljust(GRAM, _EDGE) for text in texts]
    lengths = np.fromiter((len(text) for text in padded), dtype=np.int64, count=len(padded))
    counts = lengths - GRAM + 1
    codes = _gram_codes("".join(padded), lengths, counts)
    owner = np.repeat(np.arange(len(padded)), counts)
    grams, owner = _distinct(_rarest_first(codes), owner)
    starts = np.searchsorted(owner, np.arange(len(padded) + 1))
    return GramSets(grams, starts, _parity_sketches(grams, owner, len(padded)))


def _gram_codes(joined: str, lengths: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each trigram packed without loss into 63 bits."""
    points = np.frombuffer(joined.encode("utf-32-le"), dtype=np.uint32).astype(np.int64)
    points = np.append(points, [0] * GRAM)
    first = np.cumsum(lengths) - lengths
    within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    at = np.repeat(first, counts) + within
    codes = np.zeros(len(at), dtype=np.int64)
    for offset in range(GRAM):
        codes = (codes << _CODE_POINT_BITS) | points[at + offset]
    return codes


def _rarest_first(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    _, number, frequency = np.unique(codes, return_inverse=True, return_counts=True)
    rank = np.empty(len(frequency), dtype=np.int64)
    rank[np.argsort(frequency, kind="stable")] = np.arange(len(frequency))
    return rank[number]


def _distinct(
    grams: NDArray[np.int64], owner: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    width = int(grams.max(initial=0)) + 1
    keys = _sorted_distinct(owner * width + grams)
    owner = keys // width
    return keys - owner * width, owner


def _sorted_distinct(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """`np.unique` by sorting: several times faster than its hash table at millions of keys."""
    keys = np.sort(keys)
    return keys[np.concatenate([[True], keys[1:] != keys[:-1]])] if len(keys) else keys


def _parity_sketches(grams: NDArray[np.int64], owner: NDArray[np.int64], n: int) -> NDArray[np.uint64]:
    mixed = (grams.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    bit = (mixed >> np.uint64(56)).astype(np.int64)
    sketches = np.zeros((n, _WORDS), dtype=np.uint64)
    one = np.uint64(1) << (bit % 64).astype(np.uint64)
    np.bitwise_xor.at(sketches, (owner, bit // 64), one)
    return sketches


def similar_pairs(sets: GramSets, *, bound: float, sides: NDArray[np.int64] | None = None) -> SimilarPairs:
    """All pairs of sets with a Jaccard index of at least `bound`.

    Args:
        sets: From `gram_sets`.
        bound: In (0, 1].
        sides: `(n,)` bit masks; only pairs in which one side has bit 1 and the other bit 2 are
            returned. None: all pairs.
    """
    found = [_verified(sets, first, second, bound) for first, second in _candidates(sets, bound, sides)]
    if not found:
        none = np.empty(0, dtype=np.int64)
        return SimilarPairs(none, none, np.empty(0))
    pairs = np.concatenate([np.stack([p.first, p.second], axis=1) for p in found])
    similarity = np.concatenate([p.similarity for p in found])
    pairs, kept = np.unique(pairs, axis=0, return_index=True)
    return SimilarPairs(pairs[:, 0], pairs[:, 1], similarity[kept])


def _candidates(
    sets: GramSets, bound: float, sides: NDArray[np.int64] | None
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs that share a gram among their rarest and may be similar by size and sketch."""
    entry_gram, entry_text = _prefixes(sets, bound)
    sizes = sets.sizes[entry_text]
    order = np.lexsort((sets.sketches[entry_text, 0], sizes, entry_gram))
    entry_gram, entry_text, sizes = entry_gram[order], entry_text[order], sizes[order]
    # Partners of an entry: later entries of the same gram whose set is at most size / bound.
    widest = int(sets.sizes.max(initial=0)) + 2
    keys = entry_gram * widest + sizes
    largest = np.floor(sizes / bound + 1e-9).astype(np.int64)
    last = np.searchsorted(keys, entry_gram * widest + np.minimum(largest, widest - 1), side="right")
    partners = last - np.arange(len(keys)) - 1
    partners = np.minimum(partners, _widest_window(partners))
    for begin, end in _chunks(partners):
        count = partners[begin:end]
        left = np.repeat(np.arange(begin, end), count)
        step = np.arange(len(left)) - np.repeat(np.cumsum(count) - count, count)
        first, second = entry_text[left], entry_text[left + step + 1]
        kept = _may_be_similar(sets, first, second, bound)
        if sides is not None:
            kept &= _crosses(sides[first], sides[second])
        low, high = np.minimum(first[kept], second[kept]), np.maximum(first[kept], second[kept])
        if len(low):
            yield low, high


def _prefixes(sets: GramSets, bound: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    sizes = sets.sizes
    length = sizes - np.ceil(bound * sizes - 1e-9).astype(np.int64) + 1
    text = np.repeat(np.arange(len(sizes)), length)
    within = np.arange(len(text)) - np.repeat(np.cumsum(length) - length, length)
    return sets.grams[sets.starts[text] + within], text


def _widest_window(partners: NDArray[np.int64]) -> int:
    """The most partners an entry may have so that all together fit in the budget."""
    low, high = 1, max(int(partners.max(initial=1)), 1)
    while low < high:
        middle = (low + high + 1) // 2
        if int(np.minimum(partners, middle).sum()) <= CANDIDATE_BUDGET:
            low = middle
        else:
            high = middle - 1
    return low


def _chunks(partners: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    total = np.cumsum(partners)
    begin = 0
    while begin < len(partners):
        done = int(total[begin - 1]) if begin else 0
        end = max(int(np.searchsorted(total, done + _CHUNK, side="right")), begin + 1)
        yield begin, end
        begin = end


def _may_be_similar(
    sets: GramSets, first: NDArray[np.int64], second: NDArray[np.int64], bound: float
) -> NDArray[np.bool_]:
    allowed = (1 - bound) / (1 + bound) * (sets.sizes[first] + sets.sizes[second]) + 1e-9
    differing = np.zeros(len(first), dtype=np.int64)
    for word in range(_WORDS):
        column = sets.sketches[:, word]
        differing += np.bitwise_count(column[first] ^ column[second])
    near: NDArray[np.bool_] = (differing <= allowed) & (first != second)
    return near


def _crosses(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.bool_]:
    # One of the two holds bit 1 and the other bit 2; a text of both sides crosses with either.
    crosses: NDArray[np.bool_] = ((first & 1 & (second >> 1)) | (second & 1 & (first >> 1))).astype(np.bool_)
    return crosses


def _verified(
    sets: GramSets, first: NDArray[np.int64], second: NDArray[np.int64], bound: float
) -> SimilarPairs:
    """Exact Jaccard of each pair: grams of both are merged, equal neighbours are shared ones."""
    pairs = _sorted_distinct(first * len(sets.sizes) + second)
    first, second = pairs // len(sets.sizes), pairs % len(sets.sizes)
    similarity = np.concatenate(
        [
            np.empty(0),
            *(_jaccard(sets, first[a:b], second[a:b]) for a, b in _verify_chunks(sets, first)),
        ]
    )
    kept = similarity >= bound - 1e-12
    return SimilarPairs(first[kept], second[kept], similarity[kept])


def _verify_chunks(sets: GramSets, first: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    return _chunks(2 * sets.sizes[first])


def _jaccard(sets: GramSets, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    sizes = sets.sizes
    text = np.concatenate([first, second])
    pair = np.tile(np.arange(len(first)), 2)
    counts = sizes[text]
    within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    grams = sets.grams[np.repeat(sets.starts[text], counts) + within]
    width = int(sets.grams.max(initial=0)) + 1
    keys = np.sort(np.repeat(pair, counts) * width + grams)
    owners = keys[1:][keys[1:] == keys[:-1]] // width
    shared = np.bincount(owners, minlength=len(first))
    return shared / (sizes[first] + sizes[second] - shared)


def usable_bound(similarity: float) -> bool:
    """True for a Jaccard bound that the search can work with."""
    return math.isfinite(similarity) and 0.0 < similarity <= 1.0
