from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.pipeline.report_parts.axes import cost_domain, log_ticks, quality_window
from smallcraft.pipeline.report_parts.points import CostPoint


def point(rung, quality, *, width=0.01, cost=1.0):
    return CostPoint(rung, "lost", cost, None, None, quality, quality - width, quality + width, rung)


some_points = st.lists(
    st.tuples(st.floats(0.0, 5.0), st.floats(0.0, 0.2), st.floats(1e-5, 1e4)), min_size=1, max_size=8
).map(
    lambda drawn: [point(f"r{i}", q, width=w, cost=c) for i, (q, w, c) in enumerate(drawn)],
)


@given(some_points, st.booleans())
def test_every_candidate_lies_inside_or_is_named(points, is_reversed):
    window = quality_window(points, is_reversed=is_reversed)
    assert window.low < window.edge < window.high
    for shown in points:
        if shown.rung not in window.foot:
            assert window.low <= shown.low
            assert window.high >= shown.high


@given(some_points, st.booleans())
def test_only_the_worst_are_left_outside_and_two_at_least_stay(points, is_reversed):
    window = quality_window(points, is_reversed=is_reversed)
    sign = -1 if is_reversed else 1
    outside = [sign * p.quality for p in points if p.rung in window.foot]
    inside = [sign * p.quality for p in points if p.rung not in window.foot]
    assert len(inside) >= min(2, len(points))
    assert all(worse < better for worse in outside for better in inside)


def test_a_baseline_far_below_does_not_press_the_others_together():
    close = [point("fast", 0.90), point("frozen", 0.93)]
    window = quality_window([point("majority", 0.02), *close], is_reversed=False)
    assert window.foot == {"majority"}
    assert window.low > 0.8
    assert window.edge < 0.89


def test_where_lower_is_better_the_worst_is_the_highest():
    close = [point("fast", 0.30), point("frozen", 0.20)]
    window = quality_window([point("majority", 4.3), *close], is_reversed=True)
    assert window.foot == {"majority"}
    assert window.high < 1
    assert 0.31 < window.edge < window.high


def test_candidates_at_moderate_distances_share_the_axis():
    points = [point("majority", 0.5), point("fast", 0.7), point("frozen", 0.9)]
    assert quality_window(points, is_reversed=False).foot == frozenset()


def test_a_share_never_gets_an_axis_past_one():
    window = quality_window([point("a", 0.99), point("b", 0.985, width=0.001)], is_reversed=False)
    assert window.high <= 1


def test_points_without_bounds_have_an_axis_of_some_width():
    bare = replace(point("a", 0.5), low=None, high=None)
    window = quality_window([bare], is_reversed=False)
    assert window.low < 0.5 < window.high


@given(some_points)
def test_the_cost_axis_holds_every_cost_and_two_ticks(points):
    low, high = cost_domain(points)
    assert all(low < shown.cost < high for shown in points)
    ticks = log_ticks(low, high)
    assert len(ticks) >= 2
    assert all(low <= tick <= high for tick in ticks)


@pytest.mark.parametrize(("low", "high", "most"), [(1e-5, 1e5, 11), (0.001, 1, 12), (0.5, 2.5, 4)])
def test_ticks_are_few_and_round(low, high, most):
    ticks = log_ticks(low, high)
    assert 2 <= len(ticks) <= most
    assert all(f"{tick:e}"[0] in "125" for tick in ticks)
