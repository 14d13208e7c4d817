"""Every number that the README claims traces to a page or a record beside it.

A claim is a number with a unit, or of something counted, in a row of "What it does that others do not": it
stands, or a number that rounds to it does, on a page that the same row links; or the row links a test or code
that shows it. That the number is the right one of its page is for the reader to see.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
# A number and what makes it a claim.
_CLAIM = re.compile(
    r"(?<![\w.@-])(\d[\d,]*(?:\.\d+)?)\s*(%|MB|ms\b|points\b|times\b|CPU-seconds\b|runs\b|questions\b|sessions\b|proofs\b)"
)
_LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
_PAGES = ("BENCHMARKS.md", "docs/")


def rows() -> list[tuple[str, str]]:
    """Name and text of each row of the table, links and all."""
    table = README.partition("## What it does that others do not")[2].partition("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    return [(line.strip("| ").partition(" | ")[0], line) for line in lines if not line.startswith("| |")]


def evidence_of(line: str) -> str:
    """The text of every page that a row links."""
    pages = [target for target in _LINK.findall(line) if target.startswith(_PAGES) and target.endswith(".md")]
    return "\n".join((ROOT / target).read_text("utf-8") for target in pages)


def forms_of(number: str) -> set[str]:
    """As it stands in a claim, and as tables round it: with and without thousands, a percent as a share."""
    bare = number.replace(",", "")
    return {number, bare, f"{int(float(bare)):,}"} if float(bare).is_integer() else {number, bare}


def is_in(number: str, text: str) -> bool:
    """Whether a number stands there, or one that is rounded to it."""
    if any(re.search(rf"(?<![\d.,]){re.escape(form)}(?![\d])", text) for form in forms_of(number)):
        return True
    bare = number.replace(",", "")
    digits = len(bare.partition(".")[2])
    found = (float(one.replace(",", "")) for one in re.findall(r"\d[\d,]*(?:\.\d+)?", text))
    wanted = float(bare)
    return any(round(value * scale, digits) == wanted for value in found for scale in (1, 100))


CLAIMS = [
    (name, line, number) for name, line in rows() for number, _ in _CLAIM.findall(_LINK.sub("]()", line))
]


def test_there_are_rows_with_claims():
    assert len(rows()) > 20
    assert len(CLAIMS) > 15


@pytest.mark.parametrize(("name", "line"), rows(), ids=[name for name, _ in rows()])
def test_every_row_links_evidence_that_exists(name, line):
    targets = _LINK.findall(line)
    assert targets, f"'{name}' has no evidence beside it"
    for target in targets:
        assert (ROOT / target).exists(), f"'{name}' links {target}, which is not there"


@pytest.mark.parametrize(
    ("name", "line", "number"), CLAIMS, ids=[f"{name}: {number}" for name, _, number in CLAIMS]
)
def test_a_number_stands_on_a_page_that_its_row_links_or_its_row_links_what_shows_it(name, line, number):
    shown = [target for target in _LINK.findall(line) if not target.endswith(".md")]
    assert is_in(number, evidence_of(line)) or shown, (
        f"'{name}' claims {number} and links nothing that says so"
    )


def test_a_number_that_no_page_holds_is_found_out():
    assert is_in("94.4", "| cascade | 94.42 [93.55, 95.17] |")
    assert is_in("0.29", "| 0.288 |")
    assert is_in("98", "0.984 [0.977, 0.989]")
    assert is_in("2,000", "2,000 draws")
    assert not is_in("94.9", "| cascade | 94.42 [93.55, 95.17] |")
