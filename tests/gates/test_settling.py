import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.gates.bounds import bounds_at
from smallcraft.gates.settling import More, grow, rows_to_settle, two_figures, what_settles
from smallcraft.gates.tolerance import Tolerance
from smallcraft.records import Measurement

FLOOR = Tolerance(0.9, math.inf, "at least 0.9")
NEAR_ZERO = Tolerance(-0.05, 0.05, "at most 0.05 either way")
STATED = {"to_pass": 0.95, "to_fail": 0.95}


def share(hits, trials, **told):
    base = {"name": "accuracy", "unit": "fraction", "n": trials, "method": "", "split": "dev"}
    return Measurement(**base | {"value": hits / trials, "hits": hits, "trials": trials} | told)


def gap(hits, trials, rest_hits, rest_trials, **told):
    value = hits / trials - rest_hits / rest_trials
    more = {"name": "tpr_gap", "value": value, "rest_hits": rest_hits, "rest_trials": rest_trials}
    return share(hits, trials, **more | told)


def is_settled(measurement, tolerance):
    bounds = bounds_at(measurement, 0.95)
    return tolerance.holds(bounds) or tolerance.excludes(bounds)


@given(st.integers(40, 2000), st.floats(0.82, 0.98))
def test_so_many_more_rows_of_a_share_settle_it_and_fewer_do_not(n, part):
    found = share(round(part * n), n)
    more = rows_to_settle(found, FLOOR, **STATED)
    if more is None or is_settled(found, FLOOR):
        return
    assert is_settled(grow(found, 1 + 1.001 * more.rows / n, 1), FLOOR)
    if more.rows > 10:
        assert not is_settled(grow(found, 1 + 0.97 * (more.rows - 2) / n, 1), FLOOR)


@pytest.mark.parametrize("counts", [(14, 15, 2700, 3000), (80, 100, 2700, 3000), (280, 300, 270, 300)])
def test_so_many_more_rows_of_a_group_settle_its_gap(counts):
    found = gap(*counts)
    assert not is_settled(found, NEAR_ZERO)
    more = rows_to_settle(found, NEAR_ZERO, **STATED)
    rest = 1 + more.rest_rows / counts[3]
    assert is_settled(grow(found, 1 + more.rows / counts[1], rest), NEAR_ZERO)


def test_where_the_rest_is_what_lacks_rows_they_are_named_too():
    found = gap(2700, 3000, 18, 20, slice="sex=Male")
    more = rows_to_settle(found, NEAR_ZERO, **STATED)
    assert more.rest_rows > 0
    text = what_settles(found, NEAR_ZERO, **STATED)
    assert text == (
        f"about {two_figures(more.rows):,} more labelled rows of sex=Male "
        f"and {two_figures(more.rest_rows):,} of the rest"
    )


def test_a_failure_that_is_corrected_asks_for_more_rows():
    found = share(850, 1000)
    assert is_settled(found, FLOOR)
    few = share(42, 50)
    plain = rows_to_settle(few, FLOOR, to_pass=0.95, to_fail=0.95)
    corrected = rows_to_settle(few, FLOOR, to_pass=0.95, to_fail=0.995)
    assert corrected.rows > 1.5 * plain.rows


def test_other_bounds_draw_closer_by_the_root_of_the_rows():
    found = Measurement("macro_f1", 0.92, "fraction", 300, "", low=0.88, high=0.95)
    assert rows_to_settle(found, FLOOR, **STATED) == More(900)


def test_what_no_number_of_rows_settles_says_so():
    on_it = share(90, 100)
    assert rows_to_settle(on_it, FLOOR, **STATED) is None
    assert "a better candidate would" in what_settles(on_it, FLOOR, **STATED)
    one_side = Measurement("macro_f1", 0.92, "fraction", 300, "", low=0.88)
    assert what_settles(one_side, FLOOR, **STATED) == "bounds on both sides: what was measured has one only"


@pytest.mark.parametrize(
    ("told", "things"),
    [
        ({}, "more labelled rows"),
        ({"slice": "sex=Female"}, "more labelled rows of sex=Female"),
        ({"split": None}, "more measured requests"),
        (
            {"name": "flip_rate", "slice": "perturbation=typos@1"},
            "more rows that it gets right under perturbation=typos@1",
        ),
        (
            {"name": "counterfactual_flip_rate", "slice": "swap=he"},
            "more rows that name a group under swap=he",
        ),
    ],
)
def test_it_says_what_of(told, things):
    text = what_settles(share(46, 50, **told), FLOOR, **STATED)
    assert text.startswith("about ")
    assert text.endswith(things)


@given(st.integers(1, 10**8))
def test_two_figures_are_never_too_few_and_hardly_too_many(count):
    assert count <= two_figures(count) <= 1.1 * count
