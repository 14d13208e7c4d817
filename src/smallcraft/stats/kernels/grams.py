"""Compiled loops of the search for similar sets of character trigrams (numba), and a plain numpy twin of it.

Numbers in, numbers out: what the numbers mean belongs to `data.ngrams`, which alone calls this. A *token* is
a gram's hash into a table of counts; equal grams have equal tokens: they find candidates and decide nothing.
Always: `search` returns pairs verified on the grams themselves; without a window it misses none, and
`plain_pairs` finds the same.
Source: prefix filter of Bayardo et al. (2007), WWW, section 3; the prefixes of Xiao et al. (2011), ACM TODS
36:15, sections 3 and 4; candidates are dropped by bits of two parity sketches that differ, a lower bound on
the symmetric difference.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

WORDS = 4
SLACK = 1e-9
_LEAST_SLACK = 1e-12
_MIX = np.uint64(0x9E3779B97F4A7C15)
_MIX_AGAIN = np.uint64(0xBF58476D1CE4E5B9)

Grams = NDArray[np.uint32] | NDArray[np.uint64]


@njit(cache=True)
def mark_letters(points: NDArray[np.uint32], seen: NDArray[np.bool_]) -> None:
    """Set `seen[p]` for every code point `p`."""
    for point in points:
        seen[point] = True


@njit(cache=True)
def _mixed(gram: np.uint64) -> np.uint64:
    mixed = (np.uint64(gram) + np.uint64(1)) * _MIX
    mixed = (mixed ^ (mixed >> np.uint64(32))) * _MIX_AGAIN
    return np.uint64(mixed ^ (mixed >> np.uint64(29)))


@njit(cache=True)
def append_sets(
    letters: NDArray[np.int64],
    lengths: NDArray[np.int64],
    base: int,
    grams: Grams,
    starts: NDArray[np.int64],
    sketches: NDArray[np.uint64],
) -> None:
    """Write the sorted distinct trigrams of some texts behind those of the texts before them.

    Args:
        letters: Of all texts, one behind the other, each as a number in `[1, base)`.
        lengths: `(m,)` letters of each text.
        base: How many letters there are; 0 is the edge.
        grams: Has room for all.
        starts: `(m + 1,)`; the first is set, the others are written.
        sketches: `(m, 4)` zeros; written.
    """
    begin = 0
    at = starts[0]
    for text in range(len(lengths)):
        end = begin + lengths[text]
        first = at
        before, middle = 0, letters[begin] if lengths[text] else 0
        for place in range(begin + 1, max(end, begin + 1) + 1):
            after = letters[place] if place < end else 0
            grams[at] = (before * base + middle) * base + after
            before, middle = middle, after
            at += 1
        grams[first:at].sort()
        kept = first
        for place in range(first, at):
            if place == first or grams[place] != grams[kept - 1]:
                grams[kept] = grams[place]
                kept += 1
        at = kept
        for place in range(first, at):
            bit = _mixed(grams[place]) >> np.uint64(56)
            sketches[text, bit >> np.uint64(6)] ^= np.uint64(1) << (bit & np.uint64(63))
        starts[text + 1] = at
        begin = end


@njit(cache=True)
def count_tokens(grams: Grams, bits: int) -> NDArray[np.uint32]:
    """How many sets hold a gram of each token: `(2**bits,)`."""
    counts = np.zeros(1 << bits, dtype=np.uint32)
    down = np.uint64(64 - bits)
    for gram in grams:
        counts[_mixed(gram) >> down] += np.uint32(1)
    return counts


@njit(cache=True)
def rarest_tokens(
    grams: Grams,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    counts: NDArray[np.uint32],
    bits: int,
) -> NDArray[np.uint32]:
    """The tokens of each set's rarest grams, rarest first: `ends[i + 1] - ends[i]` of set `i`."""
    tokens = np.empty(ends[-1], dtype=np.uint32)
    down, shift = np.uint64(64 - bits), np.uint64(bits)
    mask = (np.uint64(1) << shift) - np.uint64(1)
    keys = np.empty(np.diff(starts).max(), dtype=np.uint64)
    for text in range(len(starts) - 1):
        size = starts[text + 1] - starts[text]
        for place in range(size):
            token = _mixed(grams[starts[text] + place]) >> down
            keys[place] = (np.uint64(counts[token]) << shift) | token
        keys[:size].sort()
        for place in range(ends[text + 1] - ends[text]):
            tokens[ends[text] + place] = np.uint32(keys[place] & mask)
    return tokens


@njit(cache=True)
def group_by_token(
    tokens: NDArray[np.uint32], ends: NDArray[np.int64], order: NDArray[np.int64], bits: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """For each token the sets that show it and at which place of their prefix, sets in the given order.

    Returns:
        Starts of the lists `(2**bits + 1,)`, the sets, and the places.
    """
    lists = np.zeros((1 << bits) + 1, dtype=np.int64)
    for token in tokens:
        lists[np.int64(token) + 1] += 1
    for token in range(1 << bits):
        lists[token + 1] += lists[token]
    free = lists[:-1].copy()
    sets = np.empty(len(tokens), dtype=np.int32)
    places = np.empty(len(tokens), dtype=np.int32)
    for text in order:
        for entry in range(ends[text], ends[text + 1]):
            at = free[tokens[entry]]
            free[tokens[entry]] += 1
            sets[at] = text
            places[at] = entry - ends[text]
    return lists, sets, places


@njit(cache=True)
def _ones(word: np.uint64) -> np.int64:
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(cache=True)
def _jaccard(grams: Grams, starts: NDArray[np.int64], one: int, other: int) -> float:
    a, a_end, b, b_end = starts[one], starts[one + 1], starts[other], starts[other + 1]
    total, shared = a_end - a + b_end - b, 0
    while a < a_end and b < b_end:
        left, right = grams[a], grams[b]
        shared += left == right
        a += left <= right
        b += right <= left
    return float(shared / (total - shared))


@njit(cache=True)
def _on_one_side(held: int) -> bool:
    """True when the bits that two sets hold between them are one bit, or none."""
    return held & (held - 1) == 0


@njit(cache=True)
def _root(parent: NDArray[np.int32], text: int) -> int:
    while parent[text] != text:
        parent[text] = parent[parent[text]]
        text = parent[text]
    return text


@njit(cache=True)
def _met_before(
    tokens: NDArray[np.uint32], ends: NDArray[np.int64], text: int, other: int, token: int, place: int
) -> bool:
    """True when the two share a token that is rarer in `text` than this one: they met in its list."""
    for entry in range(ends[text], ends[text] + place):
        for theirs in range(ends[other], ends[other + 1]):
            if tokens[theirs] == tokens[entry]:
                return True
            if tokens[theirs] == token:
                break
    return False


@njit(cache=True)
def _first_not_below(sizes: NDArray[np.int64], length: int, bound: float) -> int:
    low, high = 0, length
    while low < high:
        middle = (low + high) // 2
        if sizes[middle] < bound:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True)
def _reach(sizes: NDArray[np.int64], length: int, size: int, place: int, bound: float) -> tuple[int, int]:
    """Where the partners of an entry stand among the `length` sets before it, which ascend by size.

    A partner is at least `bound` times as large; and the grams from this place on must suffice for it.
    """
    share = bound / (1 + bound)
    low = _first_not_below(sizes, length, bound * size - SLACK)
    most = (size - place) / share - size + SLACK
    high = length if most >= size else _first_not_below(sizes, length, np.floor(most) + 0.5)
    return low, max(low, high)


@njit(cache=True)
def _opens(size: int, place: int, bound: float) -> bool:
    """True when an equal or larger set may still be similar if this is the first gram they share."""
    return size - place >= 2 * bound / (1 + bound) * size - SLACK


@njit(cache=True)
def count_comparisons(
    lists: NDArray[np.int64],
    sets: NDArray[np.int32],
    places: NDArray[np.int32],
    starts: NDArray[np.int64],
    bound: float,
    window: int,
) -> int:
    """How many pairs of sketches `search` compares when an entry meets `window` others at most."""
    total = 0
    sizes = np.empty(max(1, np.diff(lists).max()), dtype=np.int64)
    for token in range(len(lists) - 1):
        length = 0
        for entry in range(lists[token], lists[token + 1]):
            size = starts[sets[entry] + 1] - starts[sets[entry]]
            low, high = _reach(sizes, length, size, places[entry], bound)
            total += min(high - low, window)
            if _opens(size, places[entry], bound):
                sizes[length] = size
                length += 1
    return total


@njit(cache=True)
def search(  # noqa: C901 - one loop nest; a call in it would pass ten arrays
    index: tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]],
    prefixes: tuple[NDArray[np.uint32], NDArray[np.int64]],
    filled: tuple[Grams, NDArray[np.int64], NDArray[np.uint64]],
    sides: NDArray[np.int64],
    parent: NDArray[np.int32],
    found: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]],
    bound: float,
    window: int,
    most_candidates: int,
) -> int:
    """Find pairs of sets with a Jaccard index of at least `bound`.

    Args:
        index: From `group_by_token`, sets ascending by size.
        prefixes: Tokens of the rarest grams and where each set's end.
        filled: Grams, starts and sketches of the sets.
        sides: Bit masks; two sets are compared when they hold two different bits between them. Empty: all.
        parent: `arange(n)` to get only pairs that join two components (a spanning forest); empty for all.
        found: Room for first, second and similarity.
        bound: In (0, 1].
        window: An entry meets this many others at most, those nearest in the order of the index; as many as
            there are entries: all.
        most_candidates: Refuse to look at more pairs that may be similar by their sketches.

    Returns:
        How many pairs were found; -1 when there were more than there is room for, or too many candidates.
    """
    (lists, sets, places), (tokens, ends) = index, prefixes
    (grams, starts, sketches), (first, second, similarity) = filled, found
    longest = max(1, np.diff(lists).max())
    met, sizes = np.empty(longest, dtype=np.int32), np.empty(longest, dtype=np.int64)
    heads = np.empty((longest, 2), dtype=np.uint64)
    differing = (1 - bound) / (1 + bound)
    is_whole = window >= len(sets)
    count = candidates = 0
    for token in range(len(lists) - 1):
        length = 0
        for entry in range(lists[token], lists[token + 1]):
            text, place = sets[entry], places[entry]
            size = starts[text + 1] - starts[text]
            low, high = _reach(sizes, length, size, place, bound)
            allowed = np.int64(differing * 2 * size + SLACK)
            one, two = sketches[text, 0], sketches[text, 1]
            for at in range(high - 1, max(low, high - window) - 1, -1):
                away = _ones(one ^ heads[at, 0]) + _ones(two ^ heads[at, 1])
                if away > allowed:
                    continue
                other = met[at]
                for word in range(2, WORDS):
                    away += _ones(sketches[text, word] ^ sketches[other, word])
                if away > differing * (size + sizes[at]) + SLACK or other == text:
                    continue
                if candidates == most_candidates:
                    return -1
                candidates += 1
                if len(sides) and _on_one_side(sides[text] | sides[other]):
                    continue
                if len(parent) and _root(parent, text) == _root(parent, other):
                    continue
                if is_whole and not len(parent) and _met_before(tokens, ends, text, other, token, place):
                    continue
                jaccard = _jaccard(grams, starts, text, other)
                if jaccard < bound - _LEAST_SLACK:
                    continue
                if count == len(first):
                    return -1
                first[count], second[count], similarity[count] = min(text, other), max(text, other), jaccard
                count += 1
                if len(parent):
                    parent[_root(parent, text)] = _root(parent, other)
            if _opens(size, place, bound):
                met[length], sizes[length] = text, size
                heads[length, 0], heads[length, 1] = one, two
                length += 1
    return count


@njit(cache=True)
def jaccards(
    grams: Grams, starts: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The Jaccard index of each pair of sets."""
    found = np.empty(len(first))
    for at in range(len(first)):
        found[at] = _jaccard(grams, starts, first[at], second[at])
    return found


def plain_pairs(grams: Grams, starts: NDArray[np.int64], bound: float) -> dict[tuple[int, int], float]:
    """What `search` finds among all sets, in plain numpy: every pair is intersected."""
    sets = np.split(grams, starts[1:-1])
    found = {}
    for one, left in enumerate(sets):
        for other in range(one + 1, len(sets)):
            shared = len(np.intersect1d(left, sets[other], assume_unique=True))
            jaccard = shared / (len(left) + len(sets[other]) - shared)
            if jaccard >= bound - _LEAST_SLACK:
                found[one, other] = jaccard
    return found
