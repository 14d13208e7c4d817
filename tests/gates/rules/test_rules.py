import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.gates.rules import BUILTIN
from smallcraft.records import Measurement, Outcome

VALUES = st.floats(0, 1)


def measurement(value, low=None, high=None, n=300):
    return Measurement("accuracy", value, "fraction", n, "exact 95%", low=low, high=high, split="cert")


@pytest.mark.parametrize("name", BUILTIN)
def test_a_rule_is_listed_by_its_name(name):
    assert BUILTIN[name].name == name


@pytest.mark.parametrize("name", BUILTIN)
@given(limit=st.floats(-1, 2))
def test_what_was_not_measured_never_passes(name, limit):
    for missing in (None, measurement(None), measurement(math.nan)):
        verdict = BUILTIN[name].judge("g", missing, limit=limit, required=True)
        assert verdict.outcome is Outcome.UNDECIDED
        assert verdict.needs
        assert verdict.blocks


@pytest.mark.parametrize("name", BUILTIN)
@given(ends=st.lists(VALUES, min_size=3, max_size=3).map(sorted), limit=VALUES)
def test_pass_is_the_whole_interval_inside_and_fail_the_whole_outside(name, ends, limit):
    low, value, high = ends
    verdict = BUILTIN[name].judge("g", measurement(value, low, high), limit=limit, required=False)
    inside = low >= limit if name == "at_least" else high <= limit
    outside = high < limit if name == "at_least" else low > limit
    expected = Outcome.PASS if inside else Outcome.FAIL if outside else Outcome.UNDECIDED
    assert verdict.outcome is expected
    assert (verdict.needs is not None) is (expected is Outcome.UNDECIDED)
    assert not verdict.required


@pytest.mark.parametrize("name", BUILTIN)
@given(value=VALUES, limit=VALUES)
def test_a_quantity_without_sampling_error_is_compared_as_it_is(name, value, limit):
    verdict = BUILTIN[name].judge("g", measurement(value), limit=limit, required=True)
    holds = value >= limit if name == "at_least" else value <= limit
    assert verdict.outcome is (Outcome.PASS if holds else Outcome.FAIL)


@pytest.mark.parametrize(("name", "bounds"), [("at_least", (None, 0.99)), ("at_most", (0.01, None))])
def test_a_side_without_a_bound_is_not_known(name, bounds):
    verdict = BUILTIN[name].judge("g", measurement(0.5, *bounds), limit=0.5, required=True)
    assert verdict.outcome is Outcome.UNDECIDED


@pytest.mark.parametrize("name", BUILTIN)
@pytest.mark.parametrize("limit", [math.nan, math.inf])
def test_a_limit_that_is_no_number_is_refused(name, limit):
    with pytest.raises(InvalidInputError, match="limit of gate 'g' must be a finite number"):
        BUILTIN[name].judge("g", measurement(0.5), limit=limit, required=True)
    assert not np.isfinite(limit)
