"""What rows say by themselves, chunk by chunk: merged, it is what they say together."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from smallcraft.data.columns import Spelling
from smallcraft.data.partitions.counting import (
    MOST_BAD_ROWS,
    Seen,
    chunk_spellings,
    count_rows,
    merge_rows,
    type_chunk,
)
from smallcraft.data.partitions.reading import Chunk
from smallcraft.data.rawfile import RawFile
from smallcraft.records import Roles

ROLES = Roles(label="label", text="text", features=("size",))
FRAME = pl.DataFrame(
    {
        "text": ["a card", " ", "cafÃ© there", "call +44 20 7946 0958", "x", "y"],
        "label": ["p", "q", "p", None, "q", "p"],
        "size": ["1", "2", "3", "4", "5", "inf"],
    }
)


def chunk(frame: pl.DataFrame, piece: int = 0, first_row: int = 0) -> Chunk:
    lines = np.arange(first_row + 2, first_row + 2 + frame.height)
    return Chunk(RawFile("rows.csv", frame, tuple(frame.columns), lines), piece, first_row)


def tally(frame: pl.DataFrame, rows: int):
    spellings: dict[str, Spelling] = {}
    parts = [(at, frame[at : at + rows]) for at in range(0, frame.height, rows)]
    for _, part in parts:
        for name, spelling in chunk_spellings(part, ROLES).items():
            spellings[name] = spellings.get(name, Spelling()) + spelling
    chunks = [chunk(part, first_row=at) for at, part in parts]
    return merge_rows([count_rows(one, type_chunk(one, ROLES, spellings), ROLES, seed=0) for one in chunks])


@pytest.mark.parametrize("rows", [1, 2, 4, 6])
def test_counts_are_the_same_in_whatever_chunks(rows):
    found = tally(FRAME, rows)
    assert (found.came, found.kept, found.set_aside) == (6, 3, 3)
    assert found.labels == {"p": 2, "q": 1}
    assert (found.faults["mojibake"], found.failing) == (1, 1)
    assert [(row.line, row.column) for row in found.bad] == [(3, "text"), (5, "label"), (7, "size")]
    [example] = found.examples
    assert (example.kind, example.file, example.line) == ("mojibake", "rows.csv", 4)
    assert found.features["size"].has_others


def test_personal_data_of_rows_that_cannot_be_used_is_not_counted():
    assert tally(FRAME, 6).personal_rows == 0
    labelled = FRAME.with_columns(label=pl.lit("p"))
    found = tally(labelled, 2)
    assert (found.personal_rows, found.personal["phone"]) == (1, 1)
    assert found.examples[-1].shown.startswith("***")


def test_places_are_those_of_rows_that_can_be_used():
    one = chunk(FRAME, piece=3, first_row=10)
    typed = type_chunk(one, ROLES, chunk_spellings(FRAME, ROLES))
    assert (typed.places & np.uint64(0xFF)).tolist() == [10, 12, 14]
    assert typed.rows.tolist() == [0, 2, 4]


def test_of_many_bad_rows_the_first_are_kept_and_all_are_counted():
    frame = pl.DataFrame({"text": [""] * 1_500, "label": ["p"] * 1_500, "size": ["1"] * 1_500})
    found = tally(frame, 400)
    assert (found.set_aside, len(found.bad)) == (1_500, MOST_BAD_ROWS)
    assert found.bad[-1].line == MOST_BAD_ROWS + 1


@pytest.mark.parametrize(
    ("parts", "has_others"),
    [([Seen("a"), Seen("a")], False), ([Seen("a"), Seen("b")], True), ([Seen(), Seen("b"), Seen()], False)],
)
def test_a_feature_has_one_value_until_another_one_comes(parts, has_others):
    assert sum(parts, Seen()).has_others is has_others


def test_a_column_without_values_has_none():
    assert tally(FRAME.with_columns(size=pl.lit(None, pl.String)), 2).features["size"] == Seen()
