"""Damage of encodings: found where a pipeline made it, not in sound texts of many languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.profiles.damage import damage_of

SOUND = [
    "Why isn't my card working? It's 5 > 3 & fine.",
    "Où est l’hôtel ? « Là-bas » — à côté.",
    "Größe: 5 µm, 20 °C, £3, €4",
    "São Paulo não é ÁGUA",
    "Привет, где мои деньги?",
    "東京はどこですか",
    "Ελληνικά",
    "emoji 😀 are fine",
    "two\nlines\tand a tab",
    "AT&T; R&D",
    "C:\\users\\new",
    "",
]


@pytest.mark.parametrize("text", SOUND)
def test_sound_texts_are_told_sound(text):
    assert damage_of(text) == "sound"


@pytest.mark.parametrize("text", ["café crème", "don’t – “quoted”", "Größe", "€ 5", "Привет", "Ελλάδα", "😀"])
@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_utf_8_read_as_something_else_is_mojibake(text, encoding):
    shown = text.encode().decode(encoding, "ignore")
    assert damage_of(f"see {shown}") == "mojibake"


@pytest.mark.parametrize(
    ("text", "damage"),
    [
        ("caf\ufffd", "replaced"),
        ("a\x00b", "control"),
        ("a\x85b", "control"),
        ("fish &amp; chips", "entity"),
        ("it&#39;s", "entity"),
        ("caf\\u00e9", "escaped"),
        ("caf\\xe9", "escaped"),
    ],
)
def test_each_kind_is_told(text, damage):
    assert damage_of(text) == damage


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="&\\")))
def test_plain_letters_are_sound(text):
    assert damage_of(text) == "sound"
