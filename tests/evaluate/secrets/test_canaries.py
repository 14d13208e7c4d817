"""Canaries are drawn before their coins and do not depend on them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from smallcraft.bundle.inputs import InputSpec
from smallcraft.evaluate.failures.words import words_of
from smallcraft.evaluate.secrets.canaries import (
    attack_scores,
    join_rows,
    natural_canaries,
    take_rows,
    worst_canaries,
)

SPEC = InputSpec(text="message", numbers=("amount",), categories=("plan",))
ROWS = {
    "message": [f"word{place} and word{place + 1} of some row" for place in range(50)],
    "amount": [float(place) if place % 5 else None for place in range(50)],
    "plan": ["free" if place % 2 else "paid" for place in range(50)],
}


def test_natural_canaries_are_rows_with_known_labels_each_once():
    truth = np.arange(50) % 4 - 1
    found = natural_canaries(ROWS, truth, most=30, rng=np.random.default_rng(1))
    assert len(found.labels) == 30
    assert len(np.unique(found.origin)) == 30
    assert (found.labels == truth[found.origin]).all()
    assert found.labels.min() == 0
    assert found.rows == take_rows(ROWS, found.origin)
    assert len(natural_canaries(ROWS, truth, most=99, rng=np.random.default_rng(1)).labels) == 37


def test_worst_canaries_are_made_of_the_rows_pieces_with_labels_of_every_class():
    found = worst_canaries(ROWS, SPEC, classes=3, count=200, rng=np.random.default_rng(1))
    known = {word for text in ROWS["message"] for word in words_of(text)}
    assert all(set(words_of(text)) <= known for text in found.rows["message"])
    assert not set(found.rows["message"]) & set(ROWS["message"])
    assert set(found.rows["amount"]) <= set(ROWS["amount"])
    assert set(found.labels.tolist()) == {0, 1, 2}
    assert {name: len(values) for name, values in found.rows.items()} == dict.fromkeys(ROWS, 200)
    # Rare words are drawn as often as frequent ones.
    drawn = [word for text in found.rows["message"] for word in words_of(text)]
    assert drawn.count("some") / len(drawn) < 0.1


def test_coins_are_fair_and_of_each_other_independent():
    coins = [
        worst_canaries(ROWS, SPEC, classes=3, count=400, rng=np.random.default_rng(seed)).is_in
        for seed in range(20)
    ]
    flat = np.concatenate(coins)
    assert binomtest(int(flat.sum()), len(flat), 0.5).pvalue > 0.001
    agree = int((flat[1:] == flat[:-1]).sum())
    assert binomtest(agree, len(flat) - 1, 0.5).pvalue > 0.001


def test_included_canaries_are_those_whose_coin_says_so():
    found = worst_canaries(ROWS, SPEC, classes=3, count=20, rng=np.random.default_rng(4))
    rows, labels = found.included
    assert labels.tolist() == found.labels[found.is_in].tolist()
    inside = np.flatnonzero(found.is_in)
    assert rows["message"] == [found.rows["message"][place] for place in inside]


def test_texts_without_a_word_still_make_canaries():
    rows = {"message": ["...", "!"]}
    found = worst_canaries(rows, InputSpec(text="message"), classes=2, count=3, rng=np.random.default_rng(0))
    assert found.rows["message"] == ["canary canary canary"] * 3


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9), st.floats(0, 1))
def test_a_score_is_above_0_where_the_twin_believes_more_than_the_reference(trained, reference):
    scores = attack_scores(np.array(trained), np.full(len(trained), reference))
    assert np.isfinite(scores).all()
    for score, prob in zip(scores, trained, strict=True):
        if abs(prob - reference) > 1e-9:
            assert np.sign(score) in (0, np.sign(prob - reference))
    order = np.argsort(trained, kind="stable")
    assert (np.diff(scores[order]) >= 0).all()


def test_tables_stand_one_after_the_other_and_none_is_an_empty_one():
    one = {"a": [1], "b": [2]}
    assert join_rows([one, one], ["a", "b"]) == {"a": [1, 1], "b": [2, 2]}
    assert join_rows([], ["a"]) == {"a": []}
    with pytest.raises(KeyError):
        join_rows([one], ["c"])
