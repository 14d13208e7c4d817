"""Rows that were taken for their class teach, and share nothing with rows that are measured on."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from smallcraft.data.split import split_table
from smallcraft.data.table import make_table
from smallcraft.pipeline.partitions.large import Large
from smallcraft.pipeline.partitions.rare import plain_rows, with_rare_rows
from smallcraft.records import Roles

ROLES = Roles(label="label", text="text", key="who")


def large(extra: pl.DataFrame) -> Large:
    plain = pl.DataFrame(
        {
            "text": [f"words of row {row} {'abcdefgh'[row % 8] * 5}" for row in range(400)],
            "label": ["x", "y"] * 200,
            "who": [f"person {row}" for row in range(400)],
        }
    )
    frame = pl.concat([plain, extra])
    is_plain = np.arange(frame.height) < plain.height
    return Large(make_table(frame, ROLES, source="rows"), is_plain, None)


def rare(texts: list[str], who: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"text": texts, "label": ["rare"] * len(texts), "who": who})


def test_without_such_rows_nothing_changes():
    found = large(rare([], []))
    splits = split_table(plain_rows(found), seed=0)
    assert with_rare_rows(splits, found) is splits


def test_they_go_to_train_and_the_measured_splits_stay():
    found = large(rare([f"a rare thing {number} {number * 7}" for number in range(20)], ["z"] * 20))
    splits = split_table(plain_rows(found), seed=0)
    after = with_rare_rows(splits, found)
    assert after.frames["train"].height == splits.frames["train"].height + 20
    assert after.refs["train"].rows == after.frames["train"].height
    for name in ("dev", "cert"):
        assert after.refs[name] == splits.refs[name]
    assert after.notes[-1].startswith("20 more rows of rare classes")


@pytest.mark.parametrize("name", ["dev", "cert"])
def test_one_that_shares_a_key_or_a_copy_with_a_measured_row_is_left_out(name):
    first = split_table(plain_rows(large(rare([], []))), seed=0).frames[name].row(0, named=True)
    found = large(rare([first["text"].upper() + "!", "something else entirely"], ["new", first["who"]]))
    splits = split_table(plain_rows(found), seed=0)
    assert with_rare_rows(splits, found) is splits
