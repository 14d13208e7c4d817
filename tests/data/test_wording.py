"""Laws of wording: a row is told by its split, rows that are not split yet by their number alone."""

from __future__ import annotations

from smallcraft.data.wording import WHOLE, row_place, split_place


def test_a_split_is_named_and_the_whole_is_not():
    assert row_place("cert", 0) == "row 0 of cert"
    assert split_place("cert") == "cert"
    assert WHOLE not in f"{row_place(WHOLE, 0)} {split_place(WHOLE)}"
