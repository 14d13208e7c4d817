from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.registry.memory.sides import cost, facts_of

from smallcraft.registry.memory.cost_changes import compare_code, compare_costs, compare_environments


def one(before, after, **more):
    sides = [{"released": {"measurements": [part] if part else []}, **more} for part in (before, after)]
    (found,) = compare_costs(*sides)
    return found


@given(st.floats(0.01, 5), st.floats(0.01, 5), st.floats(0.001, 1), st.floats(0.001, 1))
def test_a_timing_differs_only_where_the_intervals_are_apart(then, now, spread, other):
    found = one(cost("p95_ms", then, "ms", spread=spread), cost("p95_ms", now, "ms", spread=other))
    is_apart = then + spread < now - other or now + other < then - spread
    assert (found.difference is not None) == is_apart
    assert (found.before, found.after) == (then, now)
    if is_apart:
        assert found.difference == pytest.approx(now - then, abs=1e-8)


def test_a_size_is_counted_and_always_compared():
    found = one(cost("size_mb", 0.4, "MB"), cost("size_mb", 0.434347, "MB"))
    assert (found.difference, found.note) == (0.034347, "counted")


def test_one_measurement_without_bounds_proves_no_difference():
    found = one(cost("train_cpu_s", 1.0, "s"), cost("train_cpu_s", 9.0, "s"))
    assert (found.difference, found.note) == (None, "measured once each: its noise is not known")


def test_what_one_side_did_not_measure_is_said():
    assert one(None, cost("p50_ms", 1, "ms")).note == "not measured before"
    assert one(cost("p50_ms", 1, "ms"), None).note == "not measured now"


def test_timings_of_two_machines_are_not_compared():
    then, now = (
        {
            "released": {"measurements": [cost("p95_ms", value, "ms", spread=0.01)]},
            "environment": {"cpu_model": cpu},
        }
        for value, cpu in ((1.0, "A"), (2.0, "B"))
    )
    (found,) = compare_costs(then, now)
    assert (found.difference, found.note) == (None, "measured on another machine")


def test_prices_in_two_currencies_are_not_compared():
    then, now = (cost("money_per_1000", value, unit, spread=0.1) for value, unit in ((1, "EUR"), (2, "USD")))
    assert one(then, now).note == "in another unit"


def test_packages_and_seed_that_changed_are_named():
    other = {**facts_of()["environment"], "numpy": "2.5.0", "seed": 7, "lightgbm": "4.7.0"}
    found = compare_environments(facts_of(), facts_of(environment=other))
    assert [(value.name, value.before, value.after) for value in found] == [
        ("lightgbm", None, "4.7.0"),
        ("numpy", "2.4.6", "2.5.0"),
        ("seed", "0", "7"),
    ]


def test_code_is_told_by_commit_and_by_its_sources():
    dirty = facts_of(code={"commit": "abc", "dirty": True}, environment={"code": "sha256:c2"})
    found = compare_code(facts_of(), dirty)
    assert (found.before, found.after, found.is_dirty, found.are_sources_equal) == (None, "abc", True, False)
    assert compare_code({}, {}).are_sources_equal is None
