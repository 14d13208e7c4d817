"""Tables of the suite `scale` are made as they say, and made again alike."""

from __future__ import annotations

import polars as pl
from benchmarks.scale.tables import VOTES_A_ROW, make_table, make_voted


def test_a_table_that_was_stopped_is_made_to_its_end_and_alike(tmp_path):
    whole = make_table(tmp_path / "whole", rows=400, parts=4, seed=3)
    again = make_table(tmp_path / "again", rows=400, parts=4, seed=3)
    (again / "part-00002.parquet").unlink()
    make_table(again, rows=400, parts=4, seed=3)
    assert pl.read_parquet(whole).equals(pl.read_parquet(again))
    assert pl.read_parquet(whole).height == 400


def test_each_row_has_its_votes_in_parts_that_lie_apart(tmp_path):
    made = make_voted(tmp_path, rows=4_000, parts=4, seed=1)
    rows, votes = pl.read_parquet(made / "rows"), pl.read_parquet(made / "votes")
    by_item = votes.group_by("item").agg(pl.len(), pl.col("annotator").n_unique().alias("people"))
    assert sorted(by_item["item"]) == sorted(rows["item"]) == [*range(4_000)]
    assert set(by_item["len"]) == set(by_item["people"]) == {VOTES_A_ROW}
    one = pl.read_parquet(made / "votes" / "part-00001.parquet")
    assert sorted(one["item"].unique() // 1_000) == sorted([*[1] * 1_000, *[3] * 1_000])
    right = votes.join(rows, on="item").select((pl.col("vote") == pl.col("label")).mean()).item()
    assert 0.9 < right < 0.95
