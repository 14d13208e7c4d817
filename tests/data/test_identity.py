"""Laws of a row's own number: key first, then inputs; never its label or its neighbours."""

from __future__ import annotations

import numpy as np
import polars as pl

from smallcraft.data.identity import row_numbers
from smallcraft.data.ties import tied_rows
from smallcraft.records import Roles

FRAME = pl.DataFrame(
    {
        "text": ["the card is lost and gone", "The card is lost and gone!", "where is it", "thanks"],
        "who": ["k1", "k2", "k1", None],
        "label": ["a", "b", "a", "b"],
    }
)
TEXT = Roles(label="label", text="text")
KEYED = Roles(label="label", text="text", key="who")


def numbers(frame: pl.DataFrame, roles: Roles) -> list[int]:
    ties = tied_rows(frame, roles, similarity=0.85, room=100.0, by_time=False)
    return row_numbers(frame, roles, ties).tolist()


def test_copies_share_a_number_and_other_texts_do_not():
    first, copy, *others = numbers(FRAME, TEXT)
    assert first == copy
    assert len({first, *others}) == 3


def test_rows_of_one_key_share_a_number_and_a_row_without_one_has_that_of_its_inputs():
    first, other, again, without = numbers(FRAME, KEYED)
    assert first == again != other
    assert without == numbers(FRAME, TEXT)[3]


def test_neither_labels_nor_other_rows_change_a_number():
    relabelled = FRAME.with_columns(label=pl.col("label").reverse())
    assert numbers(relabelled, TEXT) == numbers(FRAME, TEXT)
    assert numbers(FRAME[2:], TEXT) == numbers(FRAME, TEXT)[2:]


def test_near_copies_share_the_smallest_number_of_theirs():
    texts = [
        "the card is lost and gone since monday morning",
        "the card is lost and gone since monday mornin",
    ]
    apart = [numbers(pl.DataFrame({"text": [text], "label": ["a"]}), TEXT)[0] for text in texts]
    both = numbers(pl.DataFrame({"text": texts, "label": ["a", "b"]}), TEXT)
    assert both == [min(apart)] * 2


def test_rows_of_a_coarse_table_have_numbers_of_their_own():
    frame = pl.DataFrame({"age": [1] * 50 + [2] * 50, "label": ["a", "b"] * 50})
    found = numbers(frame, Roles(label="label", features=("age",)))
    assert len(set(found)) == 100
    shuffled = frame.sample(100, shuffle=True, seed=1)
    assert sorted(numbers(shuffled, Roles(label="label", features=("age",)))) == sorted(found)
    assert np.all(np.array(found) >= 0)
