"""How many rows a table has, before it is read."""

from __future__ import annotations

import polars as pl
import pytest

from smallcraft.data.partitions.pieces import Piece, find_pieces
from smallcraft.data.partitions.stores import StoredObject
from smallcraft.pipeline.partitions.size import estimate_rows


def test_of_parquet_it_is_known_however_it_is_cut(tmp_path):
    for name, rows in (("a", 12_345), ("b", 1)):
        pl.DataFrame({"x": range(rows)}).write_parquet(tmp_path / f"{name}.parquet")
    assert estimate_rows(find_pieces(tmp_path, part_bytes=8_000)) == 12_346


@pytest.mark.parametrize("rows", [1, 1_000, 300_000])
def test_of_text_it_is_told_by_the_first_megabyte(tmp_path, rows):
    (tmp_path / "a.csv").write_text("text,label\n" + "some words here,x\n" * rows)
    assert estimate_rows(find_pieces(tmp_path)) == pytest.approx(rows, rel=0.001)


def test_of_objects_rather_more_than_there_are():
    stored = StoredObject("s3://bucket/a.parquet", 64_000_000, "tag")
    assert estimate_rows([Piece(0, None, None, stored)]) == 2_000_000
