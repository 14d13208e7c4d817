"""Texts: words, unknown ones, and what else is seen."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from smallcraft.data.profiles.texts import (
    Vocabulary,
    hash_word,
    learn_vocabulary,
    read_texts,
    words_of,
)


def test_fault_of_a_pipeline_is_a_word_of_its_own():
    assert "#name" not in words_of("#NAME? go")
    assert words_of("#NAME? go") == ["#", "name", "?", "go"]
    assert "â€™" in "".join(words_of("donâ€™t"))
    assert "\ufffd" in words_of("caf\ufffd now")


def test_words_of_languages_without_spaces_are_their_signs():
    assert words_of("東京タワー 2go") == ["東", "京", "タ", "ワ", "ー", "0go"]


def test_no_number_is_kept_as_a_word():
    assert words_of("card 4111 1111, +41 79 123") == ["card", "0000", "0000", ",", "+", "00", "00", "000"]


def test_words_and_texts_are_cut_at_a_length():
    assert len(words_of("go " * 5_000)) == 2_000
    assert words_of("x" * 100) == ["x" * 40]


def test_words_that_two_texts_have_are_known():
    vocabulary = learn_vocabulary(["pay now now", "pay later", None])
    assert "pay" in vocabulary
    assert "now" not in vocabulary
    assert "now" in learn_vocabulary(["pay now"], least_texts=1)


def test_unknown_share_counts_every_word():
    facts = read_texts(["pay pay soon", "", None], vocabulary=learn_vocabulary(["pay", "pay"]))
    assert facts.unknown[0] == pytest.approx(1 / 3)
    assert np.isnan(facts.unknown[1:]).all()


def test_without_a_vocabulary_nothing_is_unknown():
    assert read_texts(["pay"], vocabulary=None).unknown is None


def test_facts_of_texts():
    facts = read_texts(["Where is the card", "caf\ufffd", None], vocabulary=None)
    assert facts.lengths[:2].tolist() == [17.0, 4.0]
    assert np.isnan(facts.lengths[2])
    assert facts.languages == ("en", "latin", None)
    assert facts.damages == ("sound", "replaced", None)


def test_words_count_texts_not_places():
    facts = read_texts(["go go", "go"], vocabulary=None)
    assert facts.words == {"go": 2}


def test_hash_of_a_word_is_the_same_in_every_process():
    code = "from smallcraft.data.profiles.texts import hash_word; print(hash_word('Zürich'))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(result.stdout) == hash_word("Zürich")


def test_vocabulary_is_its_hashes():
    vocabulary = Vocabulary(np.array([hash_word("card")], dtype=np.uint32))
    assert "card" in vocabulary
    assert "cards" not in vocabulary
