from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.pipeline.report_parts.figures import decimals, describe, printed_number
from smallcraft.records import Measurement


def figure_of(value, *, low=None, high=None, detail=""):
    found = describe(Measurement("m", value, "share", 9, "by hand", low=low, high=high, detail=detail))
    return found.text, found.bounds, found.is_measured


@pytest.mark.parametrize(
    ("value", "low", "high", "shown"),
    [
        (0.957, 0.941, 0.971, ("0.957", "[0.941, 0.971]", True)),
        (0.0027, 0.001, 0.0068, ("0.0027", "[0.0010, 0.0068]", True)),
        (0.0, 0.0, 0.004, ("0.000", "[0.000, 0.004]", True)),
        (0.0, None, None, ("0", "", True)),
        (0.5, None, 0.6, ("0.500", "[?, 0.600]", True)),
        (1234.5, 1200.0, None, ("1,234", "[1,200, ?]", True)),
        (None, None, None, ("not measured", "", False)),
        (None, 0.1, 0.2, ("not measured", "", False)),
    ],
)
def test_a_measurement_and_its_interval_by_example(value, low, high, shown):
    assert figure_of(value, low=low, high=high) == shown


@given(st.floats(0.0001, 1))
def test_no_share_of_a_thousandth_or_more_is_told_as_nothing(value):
    assert float(decimals(value)) == pytest.approx(value, abs=5.1e-4, rel=0.51)
    assert float(decimals(value)) > 0


@pytest.mark.parametrize(
    ("value", "shown"),
    [(7000, "7,000"), (0, "0"), (0.25, "0.250"), (None, "not measured"), (float("nan"), "not measured")],
)
def test_a_number_of_a_check_by_example(value, shown):
    assert printed_number(value) == shown
