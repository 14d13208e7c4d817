"""Windows of production: each has its row, and what was not measured in one is told as such."""

from __future__ import annotations

import pytest

from smallcraft.dashboard.sources import Sources
from smallcraft.dashboard.views.traffic_windows import WindowFacts, _rows, chart_windows, watched_releases
from smallcraft.errors import NotFoundError


@pytest.fixture(scope="module")
def charts(rolled):
    sources = Sources(rolled)
    return chart_windows(sources, watched_releases(sources)[-1])


def test_every_chart_is_drawn_and_has_its_table(charts):
    assert charts[0].id == "window-rows"
    for chart in charts:
        assert chart.picture is not None
        assert {len(row) for row in chart.rows} == {len(chart.columns)}


def test_of_many_windows_the_newest_stand_in_the_table_and_that_is_said():
    chart = _rows([WindowFacts(3600 * hour, 1, None, None, None) for hour in range(130)])
    assert len(chart.rows) == 100
    assert chart.rows[0][0] == "1970-01-06 09:00"
    assert chart.note == "The newest 100 of 130 windows."


def test_without_a_window_there_is_nothing_to_chart(tmp_path):
    assert watched_releases(Sources(tmp_path)) == ()
    with pytest.raises(NotFoundError, match=r"\[watch\]"):
        chart_windows(Sources(tmp_path), "")
