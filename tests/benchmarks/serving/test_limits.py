"""How far one machine goes: the page has every server that is measured, and rows say what was taken."""

from __future__ import annotations

from pathlib import Path

from benchmarks.serving.limits import SERVERS, row_of
from benchmarks.serving.measure import Taken

PAGE = (Path(__file__).parents[3] / "docs" / "limits.md").read_text("utf-8")


def test_a_row_has_what_was_taken_under_its_name():
    taken = Taken(111.4, 12501.0, 1.157, 2.984, 165.4, 1000, 47.0)
    assert row_of("ours", "json", 16, taken) == "| ours | json | 16 | 12,501 | 1.16 | 2.98 | 111 | 165 |\n"


def test_the_page_has_a_row_of_every_load_that_is_measured():
    for server in SERVERS:
        for form in ("json", "binary"):
            for connections in server.connections:
                assert f"| {server.name} | {form} | {connections} | " in PAGE
