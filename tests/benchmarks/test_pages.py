"""`python -m benchmarks --page` writes every page from kept records, and each is what stands there."""

from __future__ import annotations

import pytest
from benchmarks.pages import PAGES
from benchmarks.process import ROOT
from benchmarks.suites import SUITES
from benchmarks.write import kept_results, render_page


@pytest.mark.parametrize("page", PAGES)
def test_each_page_is_there_and_says_which_command_writes_it(page):
    text = (ROOT / page).read_text("utf-8")
    assert (
        "python -m benchmarks" in text[:4000] or "make bench" in text[:400] or "benchmarks.comparison" in text
    )


def test_benchmarks_md_is_what_the_kept_results_say():
    assert (ROOT / "BENCHMARKS.md").read_text("utf-8") == render_page(kept_results(list(SUITES))), (
        "BENCHMARKS.md is out of date: python -m benchmarks --page"
    )
