"""Cells: rates, delays and their intervals."""

from __future__ import annotations

import pytest
from benchmarks.drift.cells import DelayCell, QuietCell, from_json, to_json
from scipy import stats


def test_a_rate_is_by_the_month_however_many_windows_were_judged():
    cell = QuietCell("rule", "iid", 0, 360, (3, 1))
    assert (cell.months, cell.a_month, cell.streams) == (1.0, 4.0, 2)
    learned = QuietCell("rule", "iid", 0, 720, (3, 1), (2, 0))
    assert (learned.months, learned.total, learned.a_month) == (4.0, 6, 1.5)


def test_the_interval_of_a_rate_is_exact():
    cell = QuietCell("rule", "iid", 0, 720, (2, 1, 0))
    interval = cell.interval
    assert stats.poisson.sf(2, 3 * interval.low) == pytest.approx(0.025)
    assert stats.poisson.cdf(3, 3 * interval.high) == pytest.approx(0.025)
    assert QuietCell("rule", "iid", 0, 720, (0,)).interval.low == 0
    assert QuietCell("rule", "iid", 0, 720, (719,)).interval.high == 720


def test_a_change_that_was_missed_counts_as_all_windows_and_is_told():
    cell = DelayCell("rule", "wider", 0, 60, (3, None, 6))
    assert (cell.seen, cell.missed, cell.mean, cell.median) == ((3, 6), 1, 23.0, 6)
    assert cell.interval.low < 23 < cell.interval.high


@pytest.mark.parametrize(
    "cell",
    [QuietCell("a", "iid", 1, 720, (1, 0), (2, 0), (24, 24)), DelayCell("a", "wider", 1, 60, (None, 5))],
)
def test_a_cell_is_read_as_it_was_kept(cell):
    assert from_json(to_json(cell)) == cell
