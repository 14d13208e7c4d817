"""The page is what is kept: a failure is loud, and what was not tried says so."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.matrix.kept import read
from benchmarks.matrix.page import PAGE, render_page, render_table
from benchmarks.matrix.trials import Tried
from tests.benchmarks.matrix.test_kept import CELL, PASSED


def test_the_page_is_what_the_kept_results_say():
    assert PAGE.read_text("utf-8") == render_page(read()), "python -m benchmarks.matrix --page"


def test_every_environment_that_was_tried_has_passed():
    assert [name for name, cell in read().items() if not cell.is_passed] == []


def test_a_failed_trial_is_loud_and_one_that_never_ran_is_told():
    failed = Tried("tests", is_passed=False, said="1 failed", seconds=1.0)
    table = render_table({"3.12-lowest": replace(CELL, trials=(PASSED, failed))})
    row = next(line for line in table.splitlines() if "3.12.1" in line)
    assert row == "| 3.12.1 | lowest | 9 of 9 promises kept | not tried | **FAILED** | 2026-11-30 02:00 UTC |"
    assert table.count("| not tried | not tried | not tried |") == 5


def test_an_environment_that_could_not_be_made_is_loud():
    unmade = Tried("made", is_passed=False, said="no wheel", seconds=0.0)
    assert render_table({"3.12-lowest": replace(CELL, trials=(unmade,))}).count("**not made**") == 3


def test_every_version_that_was_tried_stands_on_the_page():
    page = render_page({"3.12-lowest": CELL, "3.12-newest": replace(CELL, pins={"numpy": "2.5.5"})})
    assert "| numpy | 2.1.0 | 2.5.5 |" in page
