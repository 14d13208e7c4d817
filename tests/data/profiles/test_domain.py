"""The domain classifier's logit is the linear model's, part by part."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.data.profiles.domain import DomainScore, NumberWeight
from smallcraft.data.profiles.rows import Rows
from smallcraft.data.profiles.texts import hash_word


def test_every_part_adds_to_the_bias():
    words = np.zeros(64, np.float32)
    words[hash_word("card") % 64] = 3.0
    score = DomainScore(
        bias=0.5,
        numbers={"age": NumberWeight(mean=40.0, scale=10.0, weight=2.0)},
        categories={"city": {"Bern": -1.0}},
        words=words,
        embedding=np.array([1.0, 10.0], np.float32),
    )
    rows = Rows(
        2,
        numbers={"age": np.array([50.0, np.nan])},
        categories={"city": ["Bern", None]},
        texts={"message": ["card card", None]},
        embedding=np.array([[0.25, 0.5], [np.nan, np.nan]], np.float32),
    )
    assert score.score(rows).tolist() == [0.5 + 2.0 - 1.0 + 3.0 + 5.25, 0.5]


def test_columns_it_does_not_know_add_nothing():
    rows = Rows(3, numbers={"age": np.ones(3)}, categories={"city": ["a"] * 3}, texts={"m": ["hi"] * 3})
    assert DomainScore(bias=-2.0).score(rows).tolist() == [-2.0] * 3


def test_words_of_a_text_count_by_their_mean():
    words = np.arange(8, dtype=np.float32)
    places = {hash_word(word) % 8 for word in ("red", "blue")}
    score = DomainScore(0.0, words=words).score(Rows(1, texts={"m": ["red blue red"]}))
    assert score[0] == pytest.approx(sum(places) / 2 if len(places) == 2 else places.pop())
