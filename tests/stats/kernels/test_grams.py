"""Laws of the compiled search for similar sets: it finds what plain numpy finds, whatever the numbers are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.stats.kernels.grams import (
    append_sets,
    count_tokens,
    group_by_token,
    jaccards,
    plain_pairs,
    rarest_tokens,
    search,
)

# Few token bits make many grams share a token, which must never decide anything.
BITS = [1, 3, 10]
sets_of_grams = st.lists(
    st.lists(st.integers(0, 40), min_size=1, max_size=15, unique=True), min_size=2, max_size=12
)


def packed(sets: list[list[int]], dtype=np.uint64) -> tuple[np.ndarray, np.ndarray]:
    grams = np.array([gram for part in sets for gram in sorted(part)], dtype=dtype)
    return grams, np.cumsum([0, *map(len, sets)])


def searched(sets: list[list[int]], bound: float, bits: int, *, dtype=np.uint64, forest: bool = False):
    grams, starts = packed(sets, dtype)
    sizes = np.diff(starts)
    n = len(sizes)
    ends = np.concatenate([[0], np.cumsum(sizes - np.ceil(bound * sizes - 1e-9).astype(np.int64) + 1)])
    tokens = rarest_tokens(grams, starts, ends, count_tokens(grams, bits), bits)
    order = np.argsort(sizes, kind="stable")
    index = group_by_token(tokens, ends, order, bits)
    # Sketches of zeros let every pair through.
    sketches = np.zeros((n, 4), dtype=np.uint64)
    found = np.empty(20 * n * n, np.int32), np.empty(20 * n * n, np.int32), np.empty(20 * n * n)
    parent = np.arange(n if forest else 0, dtype=np.int32)
    sides = np.empty(0, dtype=np.int64)
    filled = (grams, starts, sketches)
    count = search(index, (tokens, ends), filled, sides, parent, found, bound, len(tokens), 10**9)
    pairs = zip(*(column[:count].tolist() for column in found), strict=True)
    return {(one, other): value for one, other, value in pairs}


@pytest.mark.parametrize("bits", BITS)
@given(sets=sets_of_grams, bound=st.sampled_from([0.2, 0.5, 0.85, 1.0]))
def test_the_search_finds_what_plain_numpy_finds(bits, sets, bound):
    assert searched(sets, bound, bits) == pytest.approx(plain_pairs(*packed(sets), bound))


@given(sets=sets_of_grams)
def test_the_width_of_the_numbers_changes_nothing(sets):
    assert searched(sets, 0.5, 10, dtype=np.uint32) == searched(sets, 0.5, 10)


@given(sets=sets_of_grams)
def test_a_forest_has_one_pair_less_than_sets_in_each_component(sets):
    every, links = searched(sets, 0.4, 10), searched(sets, 0.4, 10, forest=True)
    assert links.items() <= every.items()
    assert count_components(len(sets), every) == count_components(len(sets), links) == len(sets) - len(links)


def count_components(n: int, pairs: dict[tuple[int, int], float]) -> int:
    group = list(range(n))
    for one, other in pairs:
        old, new = group[one], group[other]
        group = [new if value == old else value for value in group]
    return len(set(group))


def test_too_many_candidates_are_refused_not_cut_short():
    sets = [[1, 2, 3]] * 10
    grams, starts = packed(sets)
    ends = np.arange(11)
    tokens = rarest_tokens(grams, starts, ends, count_tokens(grams, 4), 4)
    index = group_by_token(tokens, ends, np.arange(10), 4)
    nothing = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32)
    filled = (grams, starts, np.zeros((10, 4), dtype=np.uint64))

    def run(room: int, most: int) -> int:
        found = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room)
        return search(index, (tokens, ends), filled, *nothing, found, 1.0, 11, most)

    assert (run(45, 45), run(44, 45), run(45, 44)) == (45, -1, -1)


@given(st.lists(st.lists(st.integers(1, 5), max_size=9), min_size=1, max_size=5))
def test_sets_are_the_sorted_distinct_triples_of_edged_letters(texts):
    lengths = np.array([len(text) for text in texts])
    letters = np.array([letter for text in texts for letter in text], dtype=np.int64)
    grams = np.empty(sum(max(len(text), 1) for text in texts), dtype=np.uint32)
    starts, sketches = np.zeros(len(texts) + 1, dtype=np.int64), np.zeros((len(texts), 4), dtype=np.uint64)
    append_sets(letters, lengths, 6, grams, starts, sketches)
    for at, text in enumerate(texts):
        edged = [0, *text, 0] if text else [0, 0, 0]
        wanted = {36 * a + 6 * b + c for a, b, c in zip(edged, edged[1:], edged[2:], strict=False)}
        assert grams[starts[at] : starts[at + 1]].tolist() == sorted(wanted)
        assert int(np.bitwise_count(sketches[at]).sum()) % 2 == len(wanted) % 2


@given(sets=sets_of_grams)
def test_the_jaccard_of_given_pairs_agrees_with_plain_numpy(sets):
    grams, starts = packed(sets)
    first, second = np.triu_indices(len(sets), 1)
    wanted = plain_pairs(grams, starts, 0.0)
    assert jaccards(grams, starts, first, second).tolist() == [
        wanted[pair] for pair in zip(first.tolist(), second.tolist(), strict=True)
    ]
