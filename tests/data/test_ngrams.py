"""Laws of trigram search: brute force over all pairs is the oracle; nothing above the bound is missed."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from smallcraft.data import ngrams
from smallcraft.data.ngrams import SimilarPairs, gram_sets, jaccard_of, linking_pairs, similar_pairs
from smallcraft.stats.kernels.grams import count_comparisons

letters = st.text(alphabet="abc ", max_size=14)


def trigrams(text: str) -> set[str]:
    padded = f" {text} ".ljust(3)
    return {padded[at : at + 3] for at in range(len(padded) - 2)}


def brute_force(texts: list[str], bound: float) -> dict[tuple[int, int], float]:
    sets = [trigrams(text) for text in texts]
    pairs = {
        (i, j): len(sets[i] & sets[j]) / len(sets[i] | sets[j])
        for i, j in itertools.combinations(range(len(texts)), 2)
    }
    return {pair: value for pair, value in pairs.items() if value >= bound - 1e-12}


def found(texts: list[str], bound: float, sides=None) -> dict[tuple[int, int], float]:
    pairs = similar_pairs(gram_sets(texts), bound=bound, sides=sides)
    keys = zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)
    return dict(zip(keys, pairs.similarity.tolist(), strict=True))


def edited_texts(n: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    words = ["".join(rng.choices("abcdefgh", k=rng.randint(2, 8))) for _ in range(60)]
    texts = []
    for _ in range(n // 3):
        text = " ".join(rng.choices(words, k=rng.randint(3, 16)))
        at = rng.randrange(len(text))
        texts += [text, text[:at] + rng.choice("xyz") + text[at + 1 :], text + rng.choice("!? .")]
    return texts


@given(st.lists(letters, min_size=1, max_size=12))
def test_set_sizes_are_numbers_of_distinct_trigrams(texts):
    assert gram_sets(texts).sizes.tolist() == [len(trigrams(text)) for text in texts]


@given(st.lists(letters, max_size=16), st.sampled_from([0.3, 0.5, 0.8, 0.9, 1.0]))
def test_pairs_agree_with_brute_force(texts, bound):
    assert found(texts, bound) == pytest.approx(brute_force(texts, bound))


@pytest.mark.parametrize("bound", [0.6, 0.8, 0.9])
def test_edited_sentences_are_found_without_a_miss(bound):
    texts = edited_texts(450, seed=1)
    wanted = brute_force(texts, bound)
    assert len(wanted) > 100
    assert found(texts, bound) == pytest.approx(wanted)


def test_pairs_across_sides_are_the_pairs_with_one_text_on_each():
    texts = edited_texts(240, seed=2)
    sides = np.random.default_rng(0).integers(1, 4, len(texts))
    wanted = {
        (i, j): value
        for (i, j), value in brute_force(texts, 0.8).items()
        if (sides[i] & 1 and sides[j] & 2) or (sides[i] & 2 and sides[j] & 1)
    }
    assert len(wanted) > 10
    assert found(texts, 0.8, sides) == pytest.approx(wanted)


def test_three_sides_pair_what_lies_on_two_of_them():
    texts = edited_texts(240, seed=7)
    sides = 1 << np.random.default_rng(1).integers(0, 3, len(texts))
    wanted = {(i, j): v for (i, j), v in brute_force(texts, 0.8).items() if sides[i] != sides[j]}
    assert len(wanted) > 10
    assert found(texts, 0.8, sides) == pytest.approx(wanted)


def test_letters_outside_the_basic_plane_are_one_character():
    assert gram_sets(["😀😁"]).sizes.tolist() == [2]
    assert found(["😀😁😂", "😀😁😃"], 0.2) == pytest.approx({(0, 1): 1 / 5})


def test_blocks_do_not_change_the_sets(monkeypatch):
    texts = [*edited_texts(150, seed=3), "", "é", "😀"]
    whole = gram_sets(texts)
    monkeypatch.setattr(ngrams, "_BLOCK", 7)
    parts = gram_sets(texts)
    assert np.array_equal(parts.grams, whole.grams)
    assert np.array_equal(parts.starts, whole.starts)
    assert np.array_equal(parts.sketches, whole.sketches)


@pytest.mark.parametrize(("letters_used", "dtype"), [(1_624, np.uint32), (1_625, np.uint64)])
def test_grams_take_eight_bytes_only_where_four_cannot_hold_them(letters_used, dtype):
    letters_ = [chr(0x4E00 + at) for at in range(letters_used)]
    texts = ["".join(letters_), "".join(letters_[:-1]), "".join(reversed(letters_))]
    sets = gram_sets(texts)
    assert sets.grams.dtype == dtype
    assert sets.sizes.tolist() == [len(trigrams(text)) for text in texts]
    assert found(texts, 0.9) == pytest.approx(brute_force(texts, 0.9))


@given(st.lists(st.text(max_size=10), min_size=1, max_size=8), st.sampled_from([0.2, 0.6, 0.85]))
def test_any_letters_agree_with_brute_force(texts, bound):
    assert found(texts, bound) == pytest.approx(brute_force(texts, bound))


@pytest.mark.parametrize("bound", [0.5, 0.85])
def test_links_join_what_all_pairs_join_and_are_a_forest(bound):
    texts = edited_texts(450, seed=5)
    every = similar_pairs(gram_sets(texts), bound=bound)
    links = linking_pairs(gram_sets(texts), bound=bound)
    every_component, links_component = (components(len(texts), pairs) for pairs in (every, links))
    assert np.array_equal(every_component, links_component)
    assert len(links.first) == len(texts) - len(set(links_component.tolist())) > 100
    wanted = brute_force(texts, bound)
    pairs = zip(links.first.tolist(), links.second.tolist(), links.similarity.tolist(), strict=True)
    assert all(wanted[one, other] == pytest.approx(value) for one, other, value in pairs)


def components(n: int, pairs: SimilarPairs) -> np.ndarray:
    links = coo_array((np.ones(len(pairs.first)), (pairs.first, pairs.second)), shape=(n, n))
    return connected_components(links, directed=False)[1]


@pytest.mark.parametrize(
    ("budget", "value"), [("COMPARISON_BUDGET", 1_500), ("CANDIDATE_BUDGET", 200), ("PAIR_BUDGET", 150)]
)
def test_past_a_budget_every_pair_returned_is_still_true_and_most_are_found(monkeypatch, budget, value):
    texts = edited_texts(300, seed=4)
    whole = found(texts, 0.8)
    assert len(whole) >= 200
    monkeypatch.setattr(ngrams, budget, value)
    some = found(texts, 0.8)
    assert some.items() <= whole.items()
    assert len(some) >= 0.5 * len(whole)


def test_past_the_budget_a_template_is_still_linked(monkeypatch):
    texts = [
        f"your order with the number {at * 7919 % 1000:03d} has been sent on its way" for at in range(400)
    ]
    whole = linking_pairs(gram_sets(texts), bound=0.7)
    assert len(whole.first) == 399
    monkeypatch.setattr(ngrams, "CANDIDATE_BUDGET", 3_000)
    assert len(linking_pairs(gram_sets(texts), bound=0.7).first) >= 300


def test_a_window_keeps_the_comparisons_within_the_budget():
    sets = gram_sets(edited_texts(300, seed=6))
    _, index = ngrams._prefix_index(sets, 0.5)
    every = count_comparisons(*index, sets.starts, 0.5, len(index[1]))
    budget = every // 3
    window = ngrams._widest_window(sets, index, 0.5, budget)
    assert count_comparisons(*index, sets.starts, 0.5, window) <= budget
    assert count_comparisons(*index, sets.starts, 0.5, window + 1) > budget
    assert ngrams._widest_window(sets, index, 0.5, every) == len(index[1])


@given(st.lists(letters, min_size=2, max_size=8))
def test_the_jaccard_of_chosen_pairs_is_that_of_their_trigrams(texts):
    first, second = np.triu_indices(len(texts), 1)
    values = jaccard_of(gram_sets(texts), first, second)
    wanted = brute_force(texts, 0.0)
    assert values.tolist() == pytest.approx([wanted[pair] for pair in zip(first, second, strict=True)])


def test_looking_at_texts_loads_no_compiler_until_they_are_searched():
    code = "import sys, smallcraft.data.duplicates; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
