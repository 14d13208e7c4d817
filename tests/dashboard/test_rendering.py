"""A paper is printed as headings, lists, tables and emphasis; no HTML of it passes, no link, no image."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.dashboard.rendering import render_paper, split_front

ALLOWED = {"h3", "h4", "h5", "h6", "p", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td"} | {
    *("strong", "em", "code", "pre", "blockquote", "hr", "br", "div")
}
PIECES = st.sampled_from(
    [
        *(
            "<script>",
            "</script>",
            "<img src=x onerror=a>",
            "[a](javascript:b)",
            "![a](http://b)",
            "<http://a.b>",
        ),
        *(
            "# ",
            "* ",
            "| a | b |\n|---|---|\n",
            "`",
            "**",
            "\n\n",
            "text ",
            "&lt;",
            "[a]: http://b\n",
            "---\n",
            "\x00",
        ),
    ]
)


@given(st.lists(PIECES, max_size=14).map("".join))
def test_only_harmless_elements_come_of_any_text(text):
    body = str(render_paper(text).body)
    found = {name.lower() for name in re.findall(r"<\s*/?\s*([a-zA-Z0-9]+)", body)}
    assert found <= ALLOWED
    assert not re.search(r"<[^>]*\b(href|src|on\w+)\s*=", body)


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5, 6])
def test_headings_stand_below_those_of_the_page(level):
    assert f"<h{min(level + 2, 6)}>x</h{min(level + 2, 6)}>" in str(render_paper(f"{'#' * level} x").body)


def test_a_table_scrolls_in_its_own_place():
    body = str(render_paper("| a |\n| --- |\n| b |").body)
    assert body.startswith('<div class="scroll"')
    assert "<td>b</td>" in body


def test_front_matter_stands_apart_from_the_text():
    paper = render_paper("---\nlicense: x\n---\n\n# Card")
    assert (paper.front, str(paper.body)) == ("license: x", "<h3>Card</h3>\n")


def test_a_line_at_the_end_is_no_front_matter():
    assert split_front("# a\n---\nb\n---") == ("", "# a\n---\nb\n---")
