"""Risk of groups over time: what was measured, and nothing in place of what was not."""

from __future__ import annotations

import pytest

from smallcraft.observe.group_risk import Labelled, count_by_group, risk_series, widest_gap

ROWS = tuple(
    Labelled(f"{hour}-{at}", hour * 3600, float(at < wrong), (f"sex={sex}",))
    for hour, sex, wrong in ((0, "f", 4), (0, "m", 1), (1, "f", 2))
    for at in range(10)
)


def test_each_window_has_the_risk_of_the_groups_that_it_has():
    found = {(point.start_s // 3600, point.group): point for point in risk_series(ROWS[::-1])}
    assert {name: point.risk for name, point in found.items()} == pytest.approx(
        {(0, "all"): 0.25, (0, "sex=f"): 0.4, (0, "sex=m"): 0.1, (1, "all"): 0.2, (1, "sex=f"): 0.2}
    )
    for point in found.values():
        assert point.interval.low <= point.risk <= point.interval.high


def test_the_widest_gap_is_between_groups_of_one_column():
    assert widest_gap(count_by_group(ROWS)) == pytest.approx({"sex": 0.2})


def test_no_labels_are_no_risk():
    assert (risk_series([]), count_by_group([])) == ((), {})
