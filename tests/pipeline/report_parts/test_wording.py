from __future__ import annotations

from html import escape
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.pipeline.report_parts.wording import (
    counted,
    describe_cost,
    describe_quality,
    printable,
    three_figures,
)
from smallcraft.records import Measurement


def measurement(value, *, low=None, high=None, detail=""):
    return Measurement("p50_ms", value, "ms", 9, "by hand", low=low, high=high, detail=detail)


@given(st.floats(min_value=1e-9, max_value=1e9))
def test_three_figures_are_within_half_a_unit_of_the_third(value):
    assert float(three_figures(value).replace(",", "")) == pytest.approx(value, rel=5.1e-3)


@given(st.floats(min_value=1e-6, max_value=1e12))
def test_three_figures_have_no_exponent_where_people_read_them(value):
    assert "e" not in three_figures(value)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (0.59, "0.590"), (26.3, "26.3"), (1500, "1,500"), (-0.042, "-0.0420"), (3e-8, "3.00e-08")],
)
def test_three_figures_by_example(value, shown):
    assert three_figures(value) == shown


@given(st.text())
def test_printable_text_can_stand_in_a_page_and_in_a_picture(text):
    shown = printable(text)
    parsed = ElementTree.fromstring(f"<a>{escape(shown)}</a>").text or ""
    assert parsed == shown.replace("\r\n", "\n").replace("\r", "\n")


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn"))))
def test_printable_keeps_every_letter(text):
    assert printable(text) == text


def test_printable_shows_a_lone_surrogate_and_a_null_as_lost_letters():
    assert printable("a\ud800b\x00c") == "a\ufffdb\ufffdc"


@pytest.mark.parametrize("describe", [describe_cost, describe_quality])
def test_not_measured_is_never_a_number(describe):
    for missing in (None, measurement(None, low=0.0, high=1.0, detail="too few requests")):
        figure = describe(missing)
        assert (figure.text, figure.bounds, figure.is_measured) == ("not measured", "", False)
    assert describe(measurement(None, detail="too few requests")).note == "too few requests"


def test_bounds_stand_beside_the_value_and_a_missing_one_is_told():
    assert describe_quality(measurement(0.9, low=0.88, high=0.92)).bounds == "[0.880, 0.920]"
    assert describe_cost(measurement(4.0, low=3.9)).bounds == "[3.90, ?]"
    assert describe_cost(measurement(4.0)).bounds == ""
    assert describe_cost(measurement(4.0, detail="noisy")).note == "by hand; noisy"


@pytest.mark.parametrize(
    ("number", "noun", "shown"),
    [
        (0, "row", "0 rows"),
        (1, "row", "1 row"),
        (1, "class", "1 class"),
        (2, "class", "2 classes"),
        (1200, "row", "1,200 rows"),
    ],
)
def test_counts_are_said_in_the_right_number(number, noun, shown):
    assert counted(number, noun) == shown
