"""The page says what is kept, and a bar that is missed is told as loudly as one that is met."""

from __future__ import annotations

from dataclasses import replace

import pytest
from benchmarks.campaigns.__main__ import EXPERIMENTS
from benchmarks.campaigns.kept import KEPT, keep
from benchmarks.campaigns.page import PAGE, render_page
from tests.benchmarks.campaigns.test_kept import EXPERIMENT, LINE, MADE, ROUND

from smallcraft.records import Interval


def test_the_page_is_what_is_kept_says():
    if not any(KEPT.glob("*.json")):
        pytest.skip("nothing is kept yet")
    assert PAGE.read_text(encoding="utf-8") == render_page([*EXPERIMENTS])


def test_every_number_of_an_experiment_stands_in_its_tables(tmp_path):
    keep(EXPERIMENT, "a", made=MADE, folder=tmp_path)
    keep((ROUND,), "rounds", made=MADE, folder=tmp_path)
    page = render_page(["a", "never-ran"], folder=tmp_path)
    assert "| banking77, any class | 4.1 to 4.1: met | +0.0300 [+0.0100, +0.0500]: met | 1 of 1 [" in page
    assert "| 0 | 10 | 41 | 4.1 | 0 | +0.0300 [+0.0100, +0.0500] | +0.0300 | yes |" in page
    assert "| 0 | 100 | 20 | 36 of 40 | 2 of 10 | 4.5 | 1 |" in page
    assert page.index("`relabel_value` | 41.0") < page.index("`random` | 10.0")
    assert "3 CPU-seconds in all" in page


def test_a_bar_that_is_missed_is_told(tmp_path):
    weak = replace(LINE, repaired={"random": 20, "relabel_value": 41})
    gain = replace(EXPERIMENT.gains["random"], interval=Interval(-0.01, 0.05))
    missed = replace(EXPERIMENT, lines=(weak,), gains={**EXPERIMENT.gains, "random": gain})
    keep(missed, "a", made=MADE, folder=tmp_path)
    assert render_page(["a"], folder=tmp_path).count("MISSED") == 2


def test_where_nothing_ran_the_page_says_so(tmp_path):
    assert "Nothing has run yet." in render_page(["a"], folder=tmp_path)
