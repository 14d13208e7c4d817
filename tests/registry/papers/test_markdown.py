import html
import re

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from smallcraft.registry.papers.markdown import (
    cut_table,
    escape,
    front_matter,
    listing,
    one_line,
    show,
    table,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).filter(
            lambda items: not any(isinstance(item, list) for item in items)
        )
        | st.dictionaries(
            st.from_regex("[a-z][a-z0-9_-]{0,6}", fullmatch=True), inner, min_size=1, max_size=3
        )
    ),
    max_leaves=8,
)


@given(st.text())
def test_escaped_text_is_one_line_without_live_markup(text):
    escaped = escape(text)
    assert not set(escaped) & set("<>|`\n\r")
    without_entities = re.sub(r"&#?\w+;", "", escaped)
    assert not re.search(r"(?<!\\)(?:\\\\)*[*_\[\]~#$^]", without_entities)


@given(st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S", "Zs"))))
def test_unescaping_gives_the_text_back(text):
    shown = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", escape(text))
    assert html.unescape(shown) == one_line(text)


@pytest.mark.parametrize(
    "text", ["- item", "+ item", "1. item", "2) item", "# title", "> quote", "---", "==="]
)
def test_text_never_starts_a_block(text):
    assert re.match(r"\\|\d+\\|&", escape(text))


def test_what_reads_backwards_is_spelled_out():
    assert escape("safe\u202etxt.exe") == r"safe\\u202etxt.exe"


def test_not_measured_is_never_zero():
    assert show(None) == "not measured"
    assert show(0) == "0"
    assert show(0.0) == "0"


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_a_row_keeps_its_number_of_cells(cells):
    lines = table(["x"] * len(cells), [[escape(cell) for cell in cells]])
    assert {line.count("|") for line in lines} == {len(cells) + 1}
    assert all("\n" not in line for line in lines)


@example(values={"on": None, "y": [{"no": "yes"}], "small": 1e-05})
@given(st.dictionaries(st.from_regex("[a-z][a-z0-9_-]{0,8}", fullmatch=True), JSON, max_size=4))
def test_front_matter_reads_back_with_pyyaml(values):
    lines = front_matter(values)
    assert all(line.isprintable() for line in lines)
    assert (yaml.safe_load("\n".join(lines[1:-1])) or {}) == values


def test_front_matter_leaves_out_what_is_empty():
    assert front_matter({"language": [], "tags": ["a"]}) == ["---", "tags:", '- "a"', "---"]


@pytest.mark.parametrize("text", ["0.1.0", "2.3% of rows", "3.11.7", "10)x"])
def test_numbers_that_start_no_list_stay_as_they_are(text):
    assert escape(text) == text


@given(st.integers(0, 9), st.integers(1, 9))
def test_a_cut_table_shows_the_first_rows_and_counts_the_others(rows, most):
    lines = cut_table(["n"], [[str(number)] for number in range(rows)], most=most, left="rows")
    shown = [line for line in lines[2:] if line.startswith("|")]
    assert shown == [f"| {number} |" for number in range(min(rows, most))]
    assert lines[-1] == (f"{rows - most} more rows" if rows > most else lines[-1])
    assert len(lines) == 2 + len(shown) + (2 if rows > most else 0)


def test_a_listing_says_how_many_more_there_are():
    assert listing(["a|b", "c", "d"], most=1) == "a&#124;b and 2 more"
    assert listing(["a"], most=1) == "a"
