"""Laws of trigram search: brute force over all pairs is the oracle; nothing above the bound is missed."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data import ngrams
from smallcraft.data.ngrams import gram_sets, similar_pairs

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


def test_letters_outside_the_basic_plane_are_one_character():
    assert gram_sets(["😀😁"]).sizes.tolist() == [2]
    assert found(["😀😁😂", "😀😁😃"], 0.2) == pytest.approx({(0, 1): 1 / 5})


def test_chunks_do_not_change_the_pairs(monkeypatch):
    texts = edited_texts(150, seed=3)
    whole = found(texts, 0.8)
    monkeypatch.setattr(ngrams, "_CHUNK", 7)
    assert found(texts, 0.8) == whole


def test_past_the_budget_every_pair_returned_is_still_true(monkeypatch):
    texts = edited_texts(300, seed=4)
    whole = found(texts, 0.8)
    monkeypatch.setattr(ngrams, "CANDIDATE_BUDGET", 2_000)
    some = found(texts, 0.8)
    assert some.items() <= whole.items()
    assert len(some) >= 0.8 * len(whole)


def test_the_candidates_looked_at_stay_within_the_budget():
    partners = np.array([10, 0, 1_000_000, 50])
    window = ngrams._widest_window(partners * 1_000)
    assert np.minimum(partners * 1_000, window).sum() <= ngrams.CANDIDATE_BUDGET
