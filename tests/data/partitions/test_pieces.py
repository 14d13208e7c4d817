"""The same files give the same pieces, numbered in order."""

from __future__ import annotations

import pickle

import polars as pl
import pytest

from smallcraft.data.partitions.pieces import find_pieces, locate_row
from smallcraft.errors import DataError


def test_pieces_are_numbered_over_all_files_and_can_be_sent(tmp_path):
    for name in ("b", "a"):
        pl.DataFrame({"x": range(2_500)}).write_parquet(tmp_path / f"{name}.parquet")
    pieces = find_pieces(tmp_path, part_bytes=8_000)
    assert [piece.number for piece in pieces] == list(range(6))
    assert [piece.source.rsplit("/", 1)[1] for piece in pieces] == ["a.parquet"] * 3 + ["b.parquet"] * 3
    assert pickle.loads(pickle.dumps(pieces)) == pieces == find_pieces(tmp_path, part_bytes=8_000)


def test_a_relative_path_can_be_read_from_any_folder(tmp_path, monkeypatch):
    pl.DataFrame({"x": [1]}).write_parquet(tmp_path / "a.parquet")
    monkeypatch.chdir(tmp_path)
    [piece] = find_pieces("a.parquet")
    assert piece.path == tmp_path / "a.parquet"


def test_nothing_there_is_refused(tmp_path):
    with pytest.raises(DataError, match="there is no file"):
        find_pieces(tmp_path / "none.parquet")


def test_a_row_is_named_by_file_and_row(tmp_path):
    pl.DataFrame({"x": range(2_500)}).write_parquet(tmp_path / "a.parquet")
    (tmp_path / "b.csv").write_text("a,b\n" + "one,two\n" * 200)
    pieces = find_pieces(tmp_path, part_bytes=1_000)
    first_of_text = next(place for place, piece in enumerate(pieces) if piece.source.endswith("csv"))
    assert locate_row(pieces, (1 << 40) + 4) == f"{tmp_path / 'a.parquet'}, row 1,005"
    assert locate_row(pieces, (first_of_text << 40) + 4) == f"{tmp_path / 'b.csv'}, row 5"
    assert locate_row(pieces, ((first_of_text + 1) << 40) + 4).startswith(
        f"{tmp_path / 'b.csv'}, row 5 from line "
    )
