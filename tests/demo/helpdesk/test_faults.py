import difflib

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.demo.helpdesk.dice import Dice
from smallcraft.demo.helpdesk.faults import (
    BAD_RELEASE_CHARACTERS,
    BAD_RELEASE_SWAP,
    bad_release_rows,
    copy_message,
    plan_copies,
    plan_wrong_labels,
    wrong_label,
)
from smallcraft.demo.helpdesk.intents import load_phrasebook
from smallcraft.demo.helpdesk.noise import normalise
from smallcraft.errors import DataError

BOOK = load_phrasebook()
SEEDS = st.integers(0, 10_000)
WEEKS = [1 + row * 12 // 2400 for row in range(2400)]


@given(SEEDS)
def test_a_copy_is_late_its_original_early_and_nobody_stands_twice(seed):
    copies = plan_copies(WEEKS, Dice(seed, 0))
    originals = [copy.of for copy in copies.values()]
    assert len(set(originals)) == len(copies) == 58
    assert min(WEEKS[row] for row in copies) >= 11
    assert max(WEEKS[row] for row in originals) <= 8
    assert sum(copy.is_contradiction for copy in copies.values()) == 14


def test_copies_leak_in_the_last_weeks_of_a_shorter_export_too():
    copies = plan_copies(WEEKS, Dice(7, 0), last_week=8)
    assert {WEEKS[row] for row in copies} == {7, 8}
    assert max(WEEKS[copy.of] for copy in copies.values()) == 4


@given(SEEDS)
def test_four_in_a_hundred_labels_are_wrong_and_no_original_is(seed):
    copies = plan_copies(WEEKS, Dice(seed, 0))
    is_biased = [row % 5 == 0 for row in range(2400)]
    wrong = plan_wrong_labels(is_biased, copies, Dice(seed, 1))
    assert len(wrong) == 96
    assert not wrong & {copy.of for copy in copies.values()}
    assert wrong & set(copies) == {row for row, copy in copies.items() if copy.is_contradiction}
    assert sum(is_biased[row] for row in wrong - set(copies)) == 41


@given(SEEDS)
def test_a_wrong_label_is_another_known_one(seed):
    intent = BOOK.intents[seed % 20]
    assert wrong_label(intent, BOOK, Dice(seed, 0)) in set(BOOK.names) - {intent.name}


@given(SEEDS)
def test_a_near_copy_differs_by_a_few_letters_at_most(seed):
    original = "Where is my parcel Q-31415? I ordered it on Monday."
    near = copy_message(original, "near", Dice(seed, 0))
    assert near != original
    likeness = difflib.SequenceMatcher(None, normalise(original), normalise(near), autojunk=False)
    assert likeness.ratio() > 0.93


def test_an_exact_copy_has_the_same_characters():
    assert copy_message("Zoë?! 📦", "exact", Dice(0, 0)) == "Zoë?! 📦"


def test_a_near_copy_of_a_text_without_words_still_differs():
    for seed in range(50):
        assert copy_message("WHERE is it?", "near", Dice(seed, 0)) != "WHERE is it?"


def test_a_bad_release_swaps_two_labels_cuts_every_text_and_keeps_the_rest(corpus):
    bad = bad_release_rows(corpus.frame)
    swapped = corpus.frame["intent"].is_in(list(BAD_RELEASE_SWAP))
    assert (bad["intent"] != corpus.frame["intent"]).equals(swapped)
    assert bad["message"].str.len_chars().max() == BAD_RELEASE_CHARACTERS
    assert bad["message"].str.len_chars().min() > 0
    assert bad.drop("message", "intent").equals(corpus.frame.drop("message", "intent"))
    again = bad_release_rows(bad)
    assert again["intent"].equals(corpus.frame["intent"])


def test_a_bad_release_of_other_rows_is_refused_with_the_missing_column():
    with pytest.raises(DataError, match=r"add \['intent'\]"):
        bad_release_rows(pl.DataFrame({"message": ["Where is my order?"]}))
