import re

from hypothesis import given
from hypothesis import strategies as st

from smallcraft.demo.helpdesk.dice import Dice
from smallcraft.demo.helpdesk.noise import (
    add_one_typo,
    add_typos,
    drop_words,
    mistype,
    normalise,
    restyle,
    swap_words,
)

SEEDS = st.integers(0, 10_000)
WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=4, max_size=12)


@given(WORDS, SEEDS)
def test_a_mistyped_word_always_differs_and_keeps_its_length_within_one(word, seed):
    slipped = mistype(word, Dice(seed, 0))
    assert slipped != word
    assert abs(len(slipped) - len(word)) <= 1


@given(WORDS, SEEDS)
def test_one_typo_changes_one_word(word, seed):
    before = f"Hi, {word} order Q-12345 is late"
    after = add_one_typo(before, Dice(seed, 0))
    changed = [a != b for a, b in zip(before.split(), after.split(), strict=True)]
    assert sum(changed) == 1


def test_a_text_without_a_word_to_mistype_comes_back_as_it_is():
    assert add_one_typo("WHERE is it?", Dice(0, 0)) == "WHERE is it?"


@given(SEEDS)
def test_names_numbers_and_short_words_are_never_mistyped(seed):
    assert add_typos("Łukasz: my Tavori Q-123 is, Ok", Dice(seed, 0), per_mille=1000) == (
        "Łukasz: my Tavori Q-123 is, Ok"
    )


@given(st.text(max_size=60))
def test_normalising_twice_is_normalising_once(text):
    assert normalise(normalise(text)) == normalise(text)


@given(SEEDS)
def test_style_changes_form_only(seed):
    text = "Hello! Where is it? My order, please. Ann"
    assert normalise(restyle(text, Dice(seed, 0))) == normalise(text)


def test_swapped_words_keep_their_capital_and_spare_product_names_and_compounds():
    swaps = {"sync": ("carry over",), "order": ("purchase",), "code": ("number",)}
    text = swap_words(
        'Order late. Quillmark Sync, back-order: "Code?" the code', swaps, Dice(0, 0), per_mille=1000
    )
    assert text == 'Purchase late. Quillmark Sync, back-order: "Number?" the number'


def test_the_article_follows_the_swapped_word():
    swaps = {"error": ("fault",), "fault": ("error",), "plan": ("offer",), "seat": ("one-off",)}
    text = swap_words("an error, a fault, a plan, a seat, an hour", swaps, Dice(0, 0), per_mille=1000)
    assert text == "a fault, an error, an offer, a one-off, an hour"


def test_dropped_words_leave_single_spaces():
    text = drop_words("the box is on the way", frozenset({"the", "is"}), Dice(0, 0), per_mille=1000)
    assert text == "box on way"
    assert not re.search("  ", text)
