"""Laws of JSON Lines: values keep their kind, mixed columns become text, every line is accounted for."""

from __future__ import annotations

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.jsonlines import read_json_lines
from smallcraft.errors import DataError

scalars = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text()


def read(content: str, wanted=None):
    return read_json_lines(content.encode(), "t.jsonl", wanted=wanted)


@given(st.lists(st.text(), min_size=1), st.booleans())
def test_what_the_standard_writer_writes_is_read_back(texts, is_ascii):
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    content = "\n".join(json.dumps({"a": text}, ensure_ascii=is_ascii) for text in texts)
    assert read(content).frame["a"].to_list() == texts


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, None, -3], pl.Int64),
        ([1, 2.5], pl.Float64),
        ([2**70, 1], pl.Float64),
        ([10**400, 1], pl.Float64),
        ([True, None], pl.Boolean),
        (["a", 1, 2.0, True], pl.String),
        ([None, None], pl.String),
    ],
)
def test_a_column_has_the_kind_of_its_values(values, dtype):
    content = "\n".join(json.dumps({"a": value}) for value in values)
    assert read(content).frame["a"].dtype == dtype


def test_mixed_values_are_written_as_text_in_one_way():
    content = "\n".join(json.dumps({"a": value}) for value in ("x", 1, 2.0, 2.5, False))
    assert read(content).frame["a"].to_list() == ["x", "1", "2", "2.5", "false"]


def test_a_key_that_a_line_lacks_is_a_null_and_blank_lines_are_no_rows():
    file = read('{"a": 1}\n\n{"b": 2}\n')
    assert file.frame.rows() == [(1, None), (None, 2)]
    assert file.lines.tolist() == [1, 3]


def test_broken_lines_are_set_apart_with_number_and_content():
    file = read('{"a": 1}\n{"a": \n3\n{"a": 2}\r\n{"a": 1, "a": 2}')
    assert file.frame["a"].to_list() == [1, 2]
    assert [(row.line, row.record) for row in file.broken] == [
        (2, '{"a": '),
        (3, "3"),
        (5, '{"a": 1, "a": 2}'),
    ]


def test_a_file_without_one_object_is_refused():
    with pytest.raises(DataError, match="line 1: the line is not a JSON object but int"):
        read("1\n2\n")


def test_a_number_too_long_to_read_breaks_its_line_only():
    file = read('{"a": 1}\n{"a": ' + "1" * 5_000 + "}\n")
    assert [row.line for row in file.broken] == [2]
