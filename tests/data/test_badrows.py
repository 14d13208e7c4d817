"""Laws of bad rows: refused with place and count, or written down in full."""

from __future__ import annotations

import polars as pl
import pytest

from smallcraft.data.badrows import BadRow, place, refuse_bad_rows, shown, write_quarantine
from smallcraft.errors import DataError

ROW = BadRow("t.csv", 40, 39, "age", "12a", "'12a' is not a number", "write a number", '{"age": "12a"}')


def test_a_sentence_names_file_line_column_fault_and_remedy():
    assert ROW.sentence == "t.csv, line 40, column 'age': '12a' is not a number; write a number"


def test_a_format_without_lines_is_placed_by_row():
    assert place("t.parquet", None, 7) == "t.parquet, row 7"


def test_no_bad_rows_are_not_refused():
    assert refuse_bad_rows([]) is None


def test_the_first_bad_row_is_refused_with_the_number_of_others():
    with pytest.raises(DataError, match=r"line 40.*\(1,234 more bad rows"):
        refuse_bad_rows([ROW], others=1_234)


def test_long_values_are_cut_in_messages():
    assert len(shown("x" * 10_000)) < 100


def test_quarantine_holds_every_field(tmp_path):
    write_quarantine([ROW], tmp_path / "new" / "q.parquet")
    written = pl.read_parquet(tmp_path / "new" / "q.parquet").row(0, named=True)
    assert written == {
        "file": "t.csv",
        "line": 40,
        "row": 39,
        "column": "age",
        "value": "12a",
        "reason": "'12a' is not a number",
        "record": '{"age": "12a"}',
    }
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["q.parquet"]


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="cannot be written"):
        write_quarantine([ROW], tmp_path / "file" / "q.parquet")
