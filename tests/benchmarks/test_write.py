"""The page says what the results say, and no more."""

from __future__ import annotations

import math
import re

import pytest
from benchmarks.records import Row, Sample, SuiteResult
from benchmarks.suites import SUITES
from benchmarks.write import PAGE, kept_results, number, render_page
from hypothesis import given
from hypothesis import strategies as st


def result(*rows: Row, is_noisy: bool = False) -> SuiteResult:
    return SuiteResult("s", "about", "a day", "a command", {"cores": "2"}, is_noisy, {"numpy": "2"}, rows)


def test_the_page_is_what_the_kept_results_say():
    assert PAGE.read_text("utf-8") == render_page(kept_results(list(SUITES)))


def test_every_missed_bar_stands_at_the_top_in_bold():
    page = render_page(
        [result(Row("size", "MB", Sample(30.0, 1), bar=25.0), Row("speed", "ms", None, bar=1.0))]
    )
    top = page.split("## s\n")[0]
    assert "## Bars: 1 missed, 1 not measured" in top
    assert "| s | size | 30.00 MB | <= 25 MB | **missed** |" in top
    assert "| s | speed | not measured | <= 1 ms | **not measured** |" in top


def test_a_peer_without_a_number_gets_none():
    with_peer = Row("a", "ms", Sample(1.0, 1), {"peer": Sample(2.0, 1)})
    page = render_page([result(with_peer, Row("b", "ms", Sample(1.0, 1)))])
    assert "| a | 1.00 ms |  |  | 2.00 (x 0.500) | 1 runs |" in page
    assert "| b | 1.00 ms |  |  |  | 1 runs |" in page


def test_scores_are_set_against_a_peer_by_difference_and_costs_by_ratio():
    score = Row("score", "%", Sample(94.0, 1), {"peer": Sample(91.0, 1)}, sense="at_least")
    cost = Row(
        "cost", "ms", Sample(3.0, 1), {"peer": Sample(1.5, 1)}, floor=Sample(1.0, 1), floor_is="reading"
    )
    page = render_page([result(score, cost)])
    assert "91.00 (+3)" in page
    assert "1.50 (x 2.00) | 1.00, reading: x 3.00" in page


@given(st.floats(min_value=1e-6, max_value=1e9))
def test_a_written_number_is_within_a_hundredth_of_the_value(value):
    assert math.isclose(float(number(value).replace(",", "")), value, rel_tol=0.01)


@pytest.mark.parametrize("value", [0.0, 1.0, 123.456])
def test_a_number_is_written_without_powers_of_ten(value):
    assert re.fullmatch(r"[\d.,]+", number(value))
