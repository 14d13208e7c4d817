import html
import re

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from smallcraft.registry.markdown import escape, front_matter, one_line, show, table

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
