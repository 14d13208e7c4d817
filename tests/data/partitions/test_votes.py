"""Votes tallied chunk by chunk are those of all rows at once."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from smallcraft.data.partitions.votes import merge_votes, tally_votes
from smallcraft.data.votes import votes_from_columns
from smallcraft.stats.agreement import BLOCKS, count_votes, measure_agreement


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 3, 2_000)
    columns = {}
    for annotator in ("ann", "bob", "eve"):
        said = np.where(rng.random(2_000) < 0.8, label, rng.integers(0, 4, 2_000))
        columns[annotator] = [None if rng.random() < 0.3 else "abcd"[vote] for vote in said]
    return pl.DataFrame(columns)


def in_chunks(frame: pl.DataFrame, rows: int):
    blocks = np.arange(frame.height) % BLOCKS
    return merge_votes(
        [
            tally_votes(frame[at : at + rows], frame.columns, blocks[at : at + rows])
            for at in range(0, frame.height, rows)
        ]
    )


@pytest.mark.parametrize("rows", [1, 7, 500, 2_000])
def test_agreement_is_that_of_all_votes_in_whatever_chunks(frame, rows):
    tally = in_chunks(frame, rows)
    votes = votes_from_columns(frame, frame.columns)
    known = measure_agreement(
        count_votes(votes.starts, votes.label, len(votes.classes)), rng=np.random.default_rng(0)
    )
    found = tally.agreement(level=0.95, seed=0)
    assert (tally.rows, tally.votes, tally.classes) == (2_000, len(votes.label), votes.classes)
    assert (found.items, found.votes) == (known.items, known.votes)
    for name in ("disagreement", "alpha", "unanimous"):
        assert getattr(found, name).value == pytest.approx(getattr(known, name).value, rel=1e-12)
    assert tally.annotators == {name: frame[name].count() for name in frame.columns}


def test_a_class_that_one_chunk_lacks_is_counted_in_the_others():
    parts = [
        tally_votes(pl.DataFrame({"a": ["x"], "b": ["y"]}), ["a", "b"], np.array([0])),
        tally_votes(pl.DataFrame({"a": ["z"], "b": ["z"]}), ["a", "b"], np.array([1])),
    ]
    merged = merge_votes(parts)
    assert merged.classes == ("x", "y", "z")
    assert merged.sums[:2, 6:].tolist() == [[1, 1, 0], [0, 0, 2]]


def test_rows_without_two_votes_say_nothing_of_agreement():
    frame = pl.DataFrame({"a": ["x", None], "b": [None, "y"]})
    tally = tally_votes(frame, ["a", "b"], np.array([0, 1]))
    assert (tally.votes, tally.rows) == (2, 2)
    assert tally.agreement(level=0.95, seed=0).alpha.value is None
