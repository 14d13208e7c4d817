"""What people wrote is cut, and withheld where it tells who they are."""

from __future__ import annotations

import pytest

from smallcraft.dashboard.quoted import quote_values, quote_words


@pytest.mark.parametrize("text", ["mail jane.doe@mail.example", "pay 4242 4242 4242 4242 now"])
def test_a_text_with_personal_data_is_withheld_as_a_whole(text):
    assert quote_words(text) is None
    assert quote_values((("age", 3.0), ("note", text))) is None


def test_a_long_text_says_how_much_is_left_out():
    found = quote_words("word " * 100, most=50)
    assert len(found.text) <= 50
    assert len(found.text) + found.left_out == 500


def test_a_missing_value_reads_as_missing_and_not_as_nothing():
    assert quote_values((("age", None), ("job", "cook"))).text == "age = (missing) · job = cook"
