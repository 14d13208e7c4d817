"""Votes with a line each, in memory: all of them, or those on the rows that are held."""

from __future__ import annotations

import polars as pl
import pytest

from smallcraft.engine.engines import Engine
from smallcraft.errors import DataError
from smallcraft.pipeline.partitions.longvotes import open_votes
from smallcraft.pipeline.stages.longvotes import all_votes, drawn_votes, votes_for_rows

ROWS = {
    "item": ["a", "a", "b"],
    "annotator": ["x", "y", "x"],
    "label": ["yes", "no", "yes"],
}


def quiet(step: str, share: float) -> None:
    pass


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
@pytest.mark.parametrize("is_sample", [False, True])
def test_a_line_is_a_vote_in_every_format(tmp_path, suffix, is_sample):
    frame = pl.DataFrame(ROWS)
    path = tmp_path / f"votes{suffix}"
    {".csv": frame.write_csv, ".parquet": frame.write_parquet, ".jsonl": frame.write_ndjson}[suffix](path)
    ids = [pl.Series("item", ["b", "a", "c"])]
    with Engine() as engine:
        found = votes_for_rows(open_votes(path), ids, engine, most=100, is_sample=is_sample, progress=quiet)
    assert found.item == "item"
    assert found.votes.items.to_list() == ["a", "b"]
    assert found.votes.votes_of_item.tolist() == [2, 1]
    assert set(found.votes.annotators) == {"x", "y"}


@pytest.mark.parametrize(("most", "items"), [(3, ["a", "b"]), (2, ["b"])])
def test_more_lines_than_may_be_held_are_read_for_the_rows_alone(tmp_path, most, items):
    pl.DataFrame(ROWS).write_parquet(tmp_path / "votes.parquet")
    file = open_votes(tmp_path / "votes.parquet")
    with Engine() as engine:
        found = votes_for_rows(file, [pl.Series("item", ["b"])], engine, most=most, progress=quiet)
    assert found.votes.items.to_list() == items


def test_votes_that_may_all_be_held_are_all_drawn(tmp_path):
    pl.DataFrame(ROWS).write_parquet(tmp_path / "votes.parquet")
    file = open_votes(tmp_path / "votes.parquet")
    with Engine() as engine:
        drawn = drawn_votes(file, engine, most=3, seed=0, progress=quiet)
    assert drawn.items.to_list() == all_votes(file).items.to_list()


def test_a_file_without_annotators_is_refused(tmp_path):
    pl.DataFrame({"message": ["a b c"], "length": [3]}).write_csv(tmp_path / "votes.csv")
    with pytest.raises(DataError, match=r"votes\.csv"):
        open_votes(tmp_path / "votes.csv")


def test_a_line_that_cannot_be_read_is_refused_and_not_left_out(tmp_path):
    (tmp_path / "votes.csv").write_text("item,annotator,label\na,x,p\nb,x,p,more\n")
    with pytest.raises(DataError, match=r"votes\.csv, line 3"):
        all_votes(open_votes(tmp_path / "votes.csv"))
