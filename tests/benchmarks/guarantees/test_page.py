"""docs/guarantees.md is what the kept cases say, and says what was not simulated."""

from __future__ import annotations

import re

import pytest
from benchmarks.guarantees.cases import counted
from benchmarks.guarantees.catalogue import GUARANTEES
from benchmarks.guarantees.kept import KeptCases, Made
from benchmarks.guarantees.page import PAGE, read_all, render_page, worst_of

MADE = Made("", "2026-11-29 10:00 UTC", 90.0, {"cores": "2"}, {"numpy": "2.0"})
FIRST = GUARANTEES[0]


def test_the_page_is_what_the_kept_cases_say():
    assert PAGE.read_text(encoding="utf-8") == render_page(read_all()), (
        "docs/guarantees.md is out of date: python -m benchmarks --page"
    )


def test_every_link_within_the_page_leads_to_a_heading():
    page = PAGE.read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w -]", "", line[3:].lower()).replace(" ", "-")
        for line in page.splitlines()
        if line.startswith("## ")
    }
    links = re.findall(r"\]\(#([^)]+)\)", page)
    assert len(links) >= len(GUARANTEES)
    assert set(links) <= headings


def test_a_promise_that_is_broken_is_said_aloud_and_an_assumption_that_is_broken_is_told_apart():
    cases = (
        counted("as assumed", 900, 1000, stated=0.05),
        counted("with a broken assumption", 800, 1000, stated=0.05, is_as_assumed=False),
    )
    page = render_page({FIRST.key: KeptCases(cases, MADE)})
    assert "| as assumed | 90.00 [87.97, 91.79] % | <= 5 % | **exceeded** | 1,000 runs |" in page
    assert "| *assumption broken:* with a broken assumption | 80.00 [77.38, 82.44] % |" in page
    assert "## In short: 1 exceeded" in page


def test_what_was_not_simulated_says_so():
    page = render_page({})
    assert "## In short: nothing simulated yet" in page
    assert page.count("not simulated yet") >= len(GUARANTEES)


def test_the_worst_case_is_that_with_the_most_errors_beside_what_is_stated():
    cases = (
        counted("loose", 10, 100, stated=0.5),
        counted("tight", 5, 100, stated=0.05),
        counted("broken", 99, 100, stated=0.05, is_as_assumed=False),
    )
    assert worst_of(cases, as_assumed=True).what == "tight"
    assert worst_of(cases, as_assumed=False).what == "broken"
    assert worst_of((), as_assumed=True) is None


def test_the_page_says_how_to_run_it_again_and_with_what_it_was_made():
    page = render_page({FIRST.key: KeptCases((counted("x", 0, 10, stated=0.05),), MADE)})
    assert (
        f"`python -m benchmarks.guarantees --only {FIRST.key}`; 2026-11-29 10:00 UTC, 90 CPU-seconds" in page
    )
    assert "numpy 2.0" in page


@pytest.mark.parametrize("one", GUARANTEES, ids=[one.key for one in GUARANTEES])
def test_promise_and_assumptions_of_each_stand_on_the_page(one):
    page = render_page({})
    assert f"**{one.promise}**" in page
    for assumption in one.assumes:
        assert f"- Assumes: {assumption}." in page
