"""A table read in pieces is the table read at once."""

from __future__ import annotations

import gzip
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.load import read_source
from smallcraft.data.partitions.pieces import find_pieces
from smallcraft.data.partitions.reading import read_chunks
from smallcraft.errors import DataError

FRAME = pl.DataFrame(
    {
        "text": [f'where is card {number}?\n"now", or {"ä" * (number % 5)}' for number in range(3_000)],
        "amount": [None if number % 7 == 0 else number / 3 for number in range(3_000)],
        "label": [str(number % 4) for number in range(3_000)],
    }
)


def write(frame: pl.DataFrame, path) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    name = path.name.removesuffix(".gz")
    if name.endswith(".parquet"):
        frame.write_parquet(path, row_group_size=500)
        return
    text = (
        frame.write_csv(separator="\t" if ".tsv" in name else ",") if "sv" in name else frame.write_ndjson()
    )
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


def chunks_of(location, *, part_bytes=10_000, wanted=None) -> list:
    pieces = find_pieces(location, part_bytes=part_bytes)
    return [chunk for piece in pieces for chunk in read_chunks(piece, wanted=wanted)]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet", "csv.gz", "jsonl.gz"])
def test_pieces_hold_the_rows_of_the_whole(tmp_path, suffix):
    path = tmp_path / f"rows.{suffix}"
    write(FRAME, path)
    whole, chunks = read_source(path, None), chunks_of(path)
    assert len(chunks) >= 3
    assert pl.concat([chunk.raw.frame for chunk in chunks]).equals(whole.frame)
    assert [chunk.raw.name for chunk in chunks] == [str(path)] * len(chunks)
    lines = [chunk.raw.line_of(row) for chunk in chunks for row in range(chunk.raw.frame.height)]
    assert lines == [whole.files[0].line_of(row) for row in range(whole.frame.height)]
    rows = dict.fromkeys(chunk.piece for chunk in chunks)
    for piece in rows:
        mine = [chunk for chunk in chunks if chunk.piece == piece]
        assert mine[0].first_row == 0
        assert all(a.first_row + a.raw.frame.height == b.first_row for a, b in pairwise(mine))


def test_a_folder_and_a_glob_hold_all_their_files(tmp_path):
    for number, part in enumerate(FRAME.iter_slices(1_000)):
        write(part, tmp_path / "rows" / f"part-{number}.parquet")
    for location in (tmp_path / "rows", f"{tmp_path}/rows/*.parquet"):
        chunks = chunks_of(location)
        assert pl.concat([chunk.raw.frame for chunk in chunks]).equals(FRAME)
        assert len({chunk.raw.name for chunk in chunks}) == 3


def test_only_wanted_columns_are_read(tmp_path):
    write(FRAME, tmp_path / "rows.parquet")
    assert {tuple(chunk.raw.frame.columns) for chunk in chunks_of(tmp_path, wanted=("label",))} == {
        ("label",)
    }


def test_broken_records_are_told_with_their_line_in_the_file(tmp_path):
    lines = ["text,label", *[f"row number {number},x" for number in range(500)]]
    lines[0:0] = [""]
    lines[400] = "too,many,fields"
    path = tmp_path / "rows.csv"
    path.write_text("\ufeff" + "\n".join(lines), encoding="utf-8")
    broken = [row for chunk in chunks_of(path, part_bytes=1_000) for row in chunk.raw.broken]
    assert broken == list(read_source(path, None).broken)
    assert [row.line for row in broken] == [401]


@given(st.lists(st.sampled_from(['{"a": 1}', "", "[]", '{"a": "x"}', "{"]), min_size=1, max_size=60))
def test_broken_lines_of_json_are_those_of_the_whole(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("json") / "rows.jsonl"
    path.write_text('{"a": null}\n' * 3 + "\n".join(lines) + '\n{"a": true}' * 3)
    chunks = chunks_of(path, part_bytes=40)
    found = [row.line for chunk in chunks for row in chunk.raw.broken]
    assert found == [row.line for row in read_source(path, None).broken]


def test_a_damaged_archive_is_told(tmp_path):
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n" * 1000)[:-20])
    with pytest.raises(DataError, match="damaged gzip file"):
        chunks_of(path)
