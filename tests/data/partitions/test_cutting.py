"""Parts follow one another, hold every row once, and begin at records."""

from __future__ import annotations

from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.delimited import read_delimited
from smallcraft.data.partitions.cutting import Part, cut_file
from smallcraft.errors import DataError

FIELDS = st.text(alphabet='ab",\n ;ä', max_size=12)


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def follow(parts: list[Part]) -> bool:
    return all(a.stop == b.start for a, b in pairwise(parts))


@given(rows=st.lists(st.tuples(FIELDS, FIELDS), min_size=1, max_size=80), part_bytes=st.integers(128, 300))
def test_quoted_text_is_cut_between_records_only(tmp_path_factory, rows, part_bytes):
    path = tmp_path_factory.mktemp("cut") / "a.csv"
    path.write_text("one,two\n" + "".join(f"{quoted(a)},{quoted(b)}\n" for a, b in rows), encoding="utf-8")
    data = path.read_bytes()
    parts = cut_file(path, part_bytes=part_bytes)
    assert follow(parts)
    assert (parts[0].start, parts[-1].stop) == (0, len(data))
    whole = read_delimited(data, "a", separator=",", wanted=None).frame
    read = []
    for part in parts:
        text = data[part.start : part.stop]
        assert data[: part.start].count(b"\n") + 1 == part.first_line
        read.append(
            read_delimited(text if not part.start else b"one,two\n" + text, "a", separator=",", wanted=None)
        )
    assert pl.concat([raw.frame for raw in read]).equals(whole)


def test_text_without_quoting_is_cut_at_any_line(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + 'it is 5" long,x\n' * 200)
    parts = cut_file(path, part_bytes=256)
    assert len(parts) > 5
    assert all(path.read_bytes()[part.stop - 1 : part.stop] == b"\n" for part in parts)


def test_a_small_file_is_one_part(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n')
    assert cut_file(path) == [Part(0, 9, 1)]


@pytest.mark.parametrize("rows", [1, 999, 1_000, 1_001, 12_345])
def test_parquet_is_cut_by_rows(tmp_path, rows):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"a": range(rows)}).write_parquet(path)
    parts = cut_file(path, part_bytes=8_000)
    assert follow(parts)
    assert (parts[0].start, parts[-1].stop) == (0, rows)
    assert max(part.stop - part.start for part in parts) <= 1_000


def test_wide_rows_make_short_parts(tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"a": ["x" * 1000] * 50_000}).write_parquet(path)
    assert next(part.stop - part.start for part in cut_file(path, part_bytes=10_000_000)) < 11_000


def test_a_damaged_file_is_told(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 and then nothing of the kind")
    with pytest.raises(DataError, match="damaged Parquet file"):
        cut_file(path)
