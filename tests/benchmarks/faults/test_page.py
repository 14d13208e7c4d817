"""The page is a table of what was seen: every fault, every system, nothing typed by hand."""

from __future__ import annotations

import re

from benchmarks.faults.catalogue import CATALOGUE
from benchmarks.faults.outcomes import WORDS, Outcome, System, not_applicable
from benchmarks.faults.page import PAGE, render_page

from benchmarks.faults import dvc, mlflow, ours

SYSTEMS = (mlflow.system(), dvc.system(), ours.system())


def cells_of(page: str) -> dict[str, list[str]]:
    """Title of a fault to the words of its cells."""
    rows = [line for line in page.splitlines() if line.startswith("| **")]
    split = [re.split(r"(?<!\\) \| ", row.strip("| ")) for row in rows]
    titles = [re.match(r"\*\*(.+?)\*\*", row[0]) for row in split]
    return {
        title[1]: [re.match(r"\*\*(.+?)\*\*", cell)[1] for cell in row[1:]]
        for title, row in zip(titles, split, strict=True)
    }


def test_every_system_answers_every_fault():
    for system in SYSTEMS:
        assert list(system.trials) == [fault.key for fault in CATALOGUE], system.name


def test_the_kept_page_has_a_word_of_the_list_for_every_fault_and_system():
    found = cells_of(PAGE.read_text("utf-8"))
    assert list(found) == [fault.title for fault in CATALOGUE]
    assert all(len(words) == len(SYSTEMS) and set(words) <= set(WORDS) for words in found.values())


def test_smallcraft_is_silent_under_no_fault_of_the_kept_page():
    page = PAGE.read_text("utf-8")
    at = [system.name for system in SYSTEMS].index("smallcraft")
    said = {title: words[at] for title, words in cells_of(page).items()}
    assert {title: word for title, word in said.items() if word not in {"noticed", "refused", "held"}} == {}


def test_a_fault_that_was_not_tried_says_so_and_counts_nowhere_else():
    system = System("one", {"one": "1"}, "as it is", {"bit_flip": not_applicable("")})
    page = render_page(
        {"bit_flip": {"one": Outcome("silent", "a | b")}}, [system], date="today", machine="a machine"
    )
    cells = cells_of(page)
    assert cells["bit flip in weights"] == ["silent"]
    assert cells["truncation"] == ["not run"]
    assert "| one |  |  |  |  | 1 |  |  |" in page
    assert r"a \| b" in page
