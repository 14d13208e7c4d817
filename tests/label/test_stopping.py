import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.label.measuring import Delta
from smallcraft.label.stopping import NextBatch, advise
from smallcraft.records import Interval


def delta(low, high, n=1000):
    return Delta("all", 0.8, 0.8 + (low + high) / 2, Interval(low, high), (), n)


def test_a_gain_that_surely_pays_goes_on():
    found = advise(delta(0.02, 0.04), NextBatch(100, 1.0), worth=60)
    assert (found.advice, found.gain) == ("go on", Interval(0.02, 0.04))


def test_a_lower_bound_under_the_cost_stops_and_says_what_would_settle_it():
    found = advise(delta(0.01, 0.05), NextBatch(100, 1.0), worth=60)
    assert found.advice == "stop"
    assert "not shown to pay" in found.reason
    # Half the width is 0.02, the room to the cost 0.0133: 1000 * (1.5**2 - 1) rows more.
    assert found.needs == "about 1,250 more frozen rows would settle it"


def test_an_upper_bound_under_the_cost_stops_for_good():
    found = advise(delta(-0.01, 0.01), NextBatch(100, 1.0), worth=60)
    assert (found.advice, found.needs) == ("stop", "")


def test_a_gain_below_the_cost_asks_for_better_rows_not_for_more():
    found = advise(delta(0.0, 0.02), NextBatch(100, 1.0), worth=60)
    assert found.needs == "a batch of rows of higher value"


def test_rows_of_less_value_are_expected_to_gain_less():
    found = advise(delta(0.02, 0.04), NextBatch(100, 0.5), worth=60)
    assert found.gain == Interval(0.01, 0.02)
    assert found.advice == "stop"


def test_nothing_measured_is_undecided():
    found = advise(None, NextBatch(100, 1.0), worth=60)
    assert (found.advice, found.gain) == ("undecided", None)


def test_the_interval_asked_for_stops_whatever_was_gained():
    found = advise(delta(0.5, 0.6), NextBatch(1, 1.0), worth=60, width=0.02, reached=Interval(0.90, 0.915))
    assert found.advice == "stop"
    assert "is reached" in found.reason
    assert (
        advise(delta(0.5, 0.6), NextBatch(1, 1.0), worth=60, width=0.01, reached=Interval(0.9, 0.915)).advice
        == "go on"
    )


def test_a_worth_of_nothing_is_refused():
    with pytest.raises(InvalidInputError, match="worth is above 0"):
        advise(None, NextBatch(100, 1.0), worth=0)
