from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.pipeline.report_parts.quoting import inert, pieces, quote

FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467"


@given(st.text(), st.integers(1, 40))
def test_what_is_shown_and_what_is_left_out_add_up(text, most):
    found = quote(text, most=most)
    assert len(found.text) + found.left_out == len(text)
    assert len(found.text) <= most
    assert found.text == inert(text[: len(found.text)])


@given(st.text(max_size=40))
def test_a_text_that_fits_is_not_cut(text):
    assert quote(text, most=40) == quote(text, most=4000)
    assert quote(text, most=40).left_out == 0


def test_a_cut_falls_between_words_where_one_ends_near():
    assert quote("every good boy deserves favour", most=25).text == "every good boy deserves"
    assert quote("a " + "b" * 40, most=20).text == "a " + "b" * 18


@pytest.mark.parametrize("unit", [FAMILY, "e\u0301", "\U0001f44d\U0001f3fd", "क\u094dष\u093f"])
def test_no_character_is_cut_in_two(unit):
    text = unit * 40
    for most in range(len(unit), 40):
        shown = quote(text, most=most)
        following = text[len(shown.text)]
        assert not unicodedata.category(following).startswith("M")
        assert following != "\u200d"
        assert not shown.text.endswith("\u200d")
        assert not "\U0001f3fb" <= following <= "\U0001f3ff"


def test_endless_accents_do_not_keep_a_text_from_being_cut():
    assert quote("a" + "\u0301" * 500, most=100).left_out >= 400


def test_nothing_that_turns_text_round_is_left():
    turning = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    assert inert(f"a{turning}b") == "a" + "\ufffd" * 9 + "b"
    assert inert("ש\u200fלום") == "ש\u200fלום"


@given(st.text())
def test_pieces_are_the_text_without_its_pairs_of_backticks(text):
    found = pieces(text)
    kept = text.replace("`", "") if text.count("`") % 2 == 0 else text
    assert "".join(piece.text for piece in found) == kept


def test_a_backtick_alone_is_a_letter():
    assert [(piece.text, piece.is_code) for piece in pieces("it`s")] == [("it`s", False)]
