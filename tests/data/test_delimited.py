"""Laws of CSV: the standard library's reader is the oracle for values; lines are counted by hand."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smallcraft.data.delimited import find_separator, read_delimited
from smallcraft.errors import DataError

values = st.text(alphabet=st.sampled_from(list('ab ,"\n\té;')), max_size=6)


def read(content: str, *, separator: str = ",", wanted=None):
    return read_delimited(content.encode(), "t.csv", separator=separator, wanted=wanted)


@given(
    st.lists(st.tuples(values, values, values), min_size=1, max_size=8),
    st.sampled_from([",", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@example([('"', "", ""), ("a\nb", ",", '""')], ",", "\r\n", csv.QUOTE_MINIMAL)
def test_what_the_standard_writer_writes_is_read_back(rows, separator, end, quoting):
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=separator, lineterminator=end, quoting=quoting)
    writer.writerow(("x", "y", "z"))
    starts = []
    for row in rows:
        starts.append(buffer.getvalue().count("\n") + 1)
        writer.writerow(row)
    file = read(buffer.getvalue(), separator=separator)
    assert file.columns == ("x", "y", "z")
    assert [tuple(value or "" for value in row) for row in file.frame.rows()] == rows
    assert file.lines.tolist() == starts
    assert file.broken == ()


def test_broken_records_are_set_apart_and_their_neighbours_read():
    file = read('x,y\n1,2\n3\n4,5,6\n"7\n7",8\n\n9,9,"9"\n10,11')
    assert file.frame.rows() == [("1", "2"), ("7\n7", "8"), ("10", "11")]
    assert file.lines.tolist() == [2, 5, 9]
    assert [(row.line, row.record) for row in file.broken] == [(3, "3"), (4, "4,5,6"), (8, '9,9,"9"')]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_blank_lines_between_rows_are_not_rows(end):
    file = read(end.join(["x,y", "", "1,2", "", "", "3,4", "5,6", ""]))
    assert file.frame.rows() == [("1", "2"), ("3", "4"), ("5", "6")]
    assert file.lines.tolist() == [3, 6, 7]


def test_wanted_columns_come_in_the_wanted_order():
    assert read("x,y,z\n1,2,3\n", wanted=("z", "x")).frame.rows() == [("3", "1")]


def test_columns_without_a_name_are_read_over():
    assert read(",x,\n0,1,2\n").frame.columns == ["x"]


def test_header_names_lose_surrounding_space():
    assert read("x, y\n1,2\n").columns == ("x", "y")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('x,y\n"a" ,b\n', "line 2: the quote that opens here is not closed"),
        ('x,y\n"a""b,c\nd,e\n', "line 2: the quote that opens here is not closed"),
        ('x,y\n"a,b\n""c,d\n', "line 2: the quote that opens here is not closed"),
        ('x,y\n"a",b\nc"d,e\nf"g,h\n', "line 3: a quote stands inside a field"),
        ('"x","y"\n"a","b\n', "line 2: the quote that opens here is not closed"),
        ('x,y\n1,2\n"', "line 3: the quote that opens here is not closed"),
    ],
)
def test_quotes_that_do_not_pair_are_refused_where_they_open(content, message):
    with pytest.raises(DataError, match=message):
        read(content)


@pytest.mark.parametrize(
    ("header", "separator"),
    [
        ("message;intent", ";"),
        ("message\tintent", "\t"),
        ("message,intent", ","),
        ("message,intent;old", ","),
        ('"last, first";intent', ";"),
        ("message", ","),
    ],
)
def test_the_header_of_a_csv_says_what_parts_its_fields(header, separator):
    content = f"\r\n{header}\r\na,b;c\td\r\n".encode()
    assert find_separator(content, suffix="csv") == separator
    assert find_separator(content, suffix="tsv") == "\t"
