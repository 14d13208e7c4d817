"""Votes with a line each, counted by item: what the same votes in columns, or in memory, say."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.partitions import longvotes
from smallcraft.data.partitions.longvotes import (
    Names,
    VoteCount,
    count_votes,
    merge_counts,
    row_ids,
    vote_lines,
)
from smallcraft.data.partitions.places import numbers_of, places_of
from smallcraft.data.partitions.reading import Chunk
from smallcraft.data.partitions.votes import tally_votes
from smallcraft.data.rawfile import RawFile
from smallcraft.data.votes import LongColumns, align_to_rows, votes_from_long
from smallcraft.errors import DataError
from smallcraft.stats.agreement import BLOCKS

COLUMNS = LongColumns("item", "who", "label")


def lines_of(frame: pl.DataFrame, *, lines: np.ndarray | None = None):
    chunk = Chunk(RawFile("votes.csv", frame, tuple(frame.columns), lines), 0, 0)
    return vote_lines(chunk, COLUMNS, places_of(0, 0, frame.height))


def count(frame: pl.DataFrame, ids: pl.Series | None = None, *, parts: int = 1, seed: int = 0) -> VoteCount:
    """Votes counted in so many parts, by the digests of their items."""
    found = lines_of(frame)
    rows = None if ids is None else row_ids(ids, places_of(0, 0, len(ids)))
    names = {"annotators": found.annotators, "labels": found.labels}
    counts = []
    for part in range(parts):
        mine = found.keys[found.keys["high"] % np.uint64(parts) == part]
        of_rows = None if rows is None else rows[rows["high"] % np.uint64(parts) == part]
        counts.append(count_votes(of_rows, mine, **names, seed=seed))
    return merge_counts(counts)


def in_columns(rows: int = 3_000, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    columns = {
        name: [None if rng.random() < 0.3 else "abc"[vote] for vote in rng.integers(0, 3, rows)]
        for name in ("ann", "bob", "eve")
    }
    return pl.DataFrame({"item": [f"row {at}" for at in range(rows)], **columns})


def as_lines(frame: pl.DataFrame) -> pl.DataFrame:
    long = frame.unpivot(index="item", variable_name="who", value_name="label").drop_nulls()
    return long.sample(fraction=1.0, shuffle=True, seed=5)


@pytest.mark.parametrize("parts", [1, 7])
def test_the_same_votes_in_columns_and_in_lines_say_the_same(parts, monkeypatch):
    monkeypatch.setattr(longvotes, "_MOST_CELLS", 500)
    frame = in_columns()
    found = count(as_lines(frame), frame["item"], parts=parts).tally
    blocks = numbers_of(places_of(0, 0, 3_000), seed=0, use="votes") % np.uint64(BLOCKS)
    known = tally_votes(frame, ["ann", "bob", "eve"], blocks.astype(np.int64))
    assert (found.classes, found.annotators) == (known.classes, known.annotators)
    np.testing.assert_allclose(found.sums, known.sums, rtol=1e-12, atol=1e-12)
    assert (found.lost, found.again) == (0, 0)


VOTES = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", " a", "d"]), st.sampled_from(["x", "y"]), st.sampled_from("pq")
    ),
    min_size=1,
    max_size=30,
)


@given(votes=VOTES, ids=st.lists(st.sampled_from(["a", "b", "c", None, "e"]), max_size=6))
def test_what_counts_and_what_is_refused_is_what_counts_and_is_refused_in_memory(votes, ids):
    frame = pl.DataFrame(votes, schema=["item", "who", "label"], orient="row")
    rows = pl.Series("item", ids, dtype=pl.String)
    found = count(frame, rows)
    assert (found.twins is not None) == bool(rows.drop_nulls().is_duplicated().any())
    said = frame.with_columns(pl.col("item").str.strip_chars()).group_by("item", "who")
    if found.clash is not None:
        assert said.agg(pl.col("label").n_unique())["label"].max() > 1
        with pytest.raises(DataError, match="two labels"):
            votes_from_long(frame, item="item", annotator="who", label="label", source="votes.csv")
        return
    known = votes_from_long(frame, item="item", annotator="who", label="label", source="votes.csv")
    assert found.tally.again == frame.height - len(known.label)
    assert found.tally.votes + found.tally.lost == len(known.label)
    if not found.tally.votes:
        with pytest.raises(DataError):
            align_to_rows(known, rows, source="votes.csv")
    elif found.twins is None:
        aligned = align_to_rows(known, rows, source="votes.csv")
        assert found.tally.votes == len(aligned.label)
        assert int(found.tally.sums[:, 0].sum()) == int((aligned.votes_of_item >= 2).sum())


def test_without_rows_every_item_counts():
    frame = as_lines(in_columns(200))
    found = count(frame, parts=3)
    assert found.tally.rows == frame["item"].n_unique()
    assert (found.tally.votes, found.tally.lost) == (frame.height, 0)


def test_the_first_clash_and_the_first_twin_are_named():
    frame = pl.DataFrame(
        {"item": ["a", "b", "a", "b", "a"], "who": ["x"] * 5, "label": ["p", "p", "q", "q", "p"]}
    )
    found = count(frame, pl.Series("item", ["a", "c", "b", "c", "a"]), parts=3)
    assert (found.clashes, found.clash, found.twins, found.tally.again) == (2, (2, 0), (3, 1), 1)


def test_ids_are_compared_as_text_and_a_blank_label_is_no_vote():
    frame = pl.DataFrame({"item": [" 7", "8 "], "who": [1, 2], "label": ["x", "  "]})
    found = count(frame, pl.Series("item", [7, 8]))
    assert found.tally.annotators == {"1": 1}
    assert lines_of(frame).blank == 1


@pytest.mark.parametrize("column", ["item", "who"])
def test_a_vote_without_an_item_or_an_annotator_is_refused_with_its_line(column):
    frame = pl.DataFrame({"item": ["a", "b"], "who": ["x", "y"], "label": ["p", "q"]}).with_columns(
        pl.Series(column, ["a", " "])
    )
    with pytest.raises(
        DataError, match=rf"votes.csv, line 3, column '{column}': blank, where there is a vote"
    ):
        lines_of(frame, lines=np.array([2, 3]))


def test_names_are_numbered_as_they_come():
    names = Names()
    assert names.numbers_of(["b", "a", "b"]).tolist() == [0, 1, 0]
    assert names.numbers_of(["c", "a"]).tolist() == [2, 1]
    assert names.known == ("b", "a", "c")


def test_nothing_is_counted_of_no_lines():
    empty = pl.DataFrame(schema={"item": pl.String, "who": pl.String, "label": pl.String})
    assert count(empty, pl.Series("item", ["a"])).tally.votes == 0
    assert count(empty).clash is None
