import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.gates.tolerance import around_zero, at_least, at_most, limit_of, not_below_zero_by_more
from smallcraft.records import GateSpec, Interval

LIMITS = st.floats(0, 1)
ENDS = st.lists(st.floats(-1, 1), min_size=2, max_size=2).map(sorted)


def gate(limit):
    return GateSpec("g", "r", "accuracy", limit=limit)


@pytest.mark.parametrize(
    ("make", "allows"),
    [
        (at_least, lambda value, limit: value >= limit),
        (at_most, lambda value, limit: value <= limit),
        (not_below_zero_by_more, lambda value, limit: value >= -limit),
        (around_zero, lambda value, limit: abs(value) <= limit),
    ],
)
@given(ends=ENDS, limit=LIMITS)
def test_an_interval_is_inside_when_both_ends_are_and_outside_when_all_of_it_is(make, allows, ends, limit):
    tolerance, bounds = make(gate(limit)), Interval(*ends)
    assert tolerance.holds(bounds) is all(allows(end, limit) for end in ends)
    if tolerance.excludes(bounds):
        assert not any(allows(end, limit) for end in (*ends, sum(ends) / 2))
        assert not tolerance.holds(bounds)
    for end in ends:
        assert (tolerance.side_of(end) >= 0) is allows(end, limit)


def test_an_interval_across_the_whole_tolerance_is_neither():
    tolerance = around_zero(gate(0.05))
    assert not tolerance.holds(Interval(-0.1, 0.1))
    assert not tolerance.excludes(Interval(-0.1, 0.1))


@pytest.mark.parametrize(
    ("make", "sides", "asked"),
    [
        (at_least, 1, "at least 0.1"),
        (at_most, 1, "at most 0.1"),
        (not_below_zero_by_more, 1, "at least -0.1"),
        (around_zero, 2, "at most 0.1 either way"),
    ],
)
def test_it_says_what_is_asked_and_in_how_many_ways_it_may_be_missed(make, sides, asked):
    assert (make(gate(0.1)).sides, make(gate(0.1)).asked) == (sides, asked)


def test_a_limit_that_is_none_is_refused():
    with pytest.raises(InvalidInputError, match="gate 'g' needs a limit for its rule 'r', got none"):
        limit_of(gate(None))
    for limit in (math.nan, math.inf):
        with pytest.raises(InvalidInputError, match="limit of gate 'g' must be a finite number"):
            at_least(gate(limit))
    for make in (around_zero, not_below_zero_by_more):
        with pytest.raises(InvalidInputError, match=r"must be at least 0, got -0\.1; it says how far"):
            make(gate(-0.1))
