"""Laws of swapping identity words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.evaluate.audits.identity_words import FAMILIES, steps_of, swap_words

PRONOUN = re.compile(r"\b(?:him|his|hers|her)\b", re.IGNORECASE)


@pytest.mark.parametrize(
    ("text", "family", "swapped"),
    [
        ("he saw him", "gender", "she saw her"),
        ("She saw her and left.", "gender", "He saw him and left."),
        ("she lost her card", "gender", "he lost his card"),
        ("it is hers", "gender", "it is his"),
        ("MEN and Boys", "gender", "WOMEN and Girls"),
        ("Mr. Smith", "gender", "Mrs. Smith"),
        ("a Muslim at the mosque", "religion", "a Jewish at the synagogue"),
        ("a German in Germany", "nationality", "a Mexican in Mexico"),
        ("two black  people, white paint", "origin", "two white people, white paint"),
        ("an older man", "age", "an younger man"),
    ],
)
def test_words_are_swapped_whole_with_their_case(text, family, swapped):
    assert swap_words(text, family) == swapped


@pytest.mark.parametrize("text", ["Human chairman", "ahead of the theory", "shelter", "germane"])
def test_a_word_inside_a_word_stays(text):
    assert all(swap_words(text, family) == text for family in FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_going_round_a_slot_comes_back_to_the_text(family):
    for slot in FAMILIES[family]:
        for word in slot:
            text = f"about {word} today"
            for _ in slot:
                text = swap_words(text, family)
            assert text == f"about {word} today"


@pytest.mark.parametrize("family", FAMILIES)
def test_every_step_gives_each_word_a_counterpart_of_its_slot(family):
    longest = max(FAMILIES[family], key=len)
    found = {swap_words(longest[0], family, step) for step in steps_of(family)}
    assert found == set(longest[1:])


@pytest.mark.parametrize("family", FAMILIES)
def test_no_word_stands_in_two_slots_of_a_family(family):
    words = [word for slot in FAMILIES[family] for word in slot]
    assert len(words) == len(set(words))


@given(st.text(max_size=60))
def test_a_text_without_such_words_is_left_as_it_is(text):
    for family, slots in FAMILIES.items():
        known = "|".join(re.escape(word).replace(r"\ ", r"\s+") for slot in slots for word in slot)
        has_one = re.search(rf"\b(?:{known})\b", text, re.IGNORECASE) or PRONOUN.search(text)
        if not has_one:
            assert swap_words(text, family) == text
