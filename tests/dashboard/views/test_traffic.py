"""Traffic: windows of production with their numbers; what no server counts is told as such."""

from __future__ import annotations

import pytest

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.sources import Sources
from smallcraft.dashboard.traffic_history import ArmTraffic, TrafficNow
from smallcraft.dashboard.views import traffic


@pytest.fixture(scope="module")
def sources(rolled):
    return Sources(rolled)


def test_without_a_server_nothing_is_counted_and_windows_still_stand(sources):
    view = traffic.read(sources, Asked())
    assert view.live.is_absent
    assert "smallcraft serve" in view.live.problem
    assert view.release in view.releases
    assert next(chart.id for chart in view.windows.value) == "window-rows"


def test_every_window_has_its_row_newest_first(sources):
    rows = traffic.read(sources, Asked()).windows.value[0]
    starts = [row[0] for row in rows.rows]
    assert starts == sorted(starts, reverse=True)
    stored = sum(1 for _ in sources.windows().read())
    assert len(starts) == min(stored, 100)


def test_a_release_that_has_no_windows_is_not_shown(sources):
    assert traffic.read(sources, Asked(query={"release": "<script>"})).release in sources.windows().releases()


def test_what_was_not_counted_is_not_measured_in_every_cell():
    now = TrafficNow(0.0, {}, {}, {})
    cells = traffic._arm_row(("m", "m@1", "stable"), ArmTraffic(), now, None)
    assert cells[:4] == ("m@1", "stable", "0", "0")
    assert set(cells[4:]) == {"not measured"}
    assert len(cells) == len(traffic.ARM_COLUMNS)


def test_a_project_without_windows_says_how_to_have_some(tmp_path):
    view = traffic.read(Sources(tmp_path), Asked())
    assert view.windows.is_absent
    assert "[watch]" in view.windows.problem
