from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.costs.money import PriceSheet, measure_money
from smallcraft.records import Measurement

SHEET = PriceSheet("cloud-x/general", date(2026, 10, 1), 0.036, "EUR")
CPU = Measurement("cpu_s_per_1000", 2.0, "s", 1000, "mean of 5 processes", low=1.8, high=2.2, level=0.95)
ACCURACY = Measurement(
    "accuracy", 0.8, "fraction", 500, "Wilson", low=0.75, high=0.9, split="dev", level=0.95
)


def test_money_is_cpu_hours_times_their_price_with_the_interval_carried_over():
    money, correct = measure_money([CPU], sheet=SHEET, accuracy=ACCURACY)
    assert money.value == pytest.approx(2.0 / 3600 * 0.036)
    assert (money.low, money.high) == pytest.approx((1.8e-5, 2.2e-5))
    assert (money.unit, money.level, money.n) == ("EUR", 0.95, 1000)
    assert "cloud-x/general of 2026-10-01" in money.detail
    assert "0.036 EUR a CPU-hour" in money.method
    assert correct.value == pytest.approx(2e-5 / 0.8)
    assert (correct.low, correct.high) == pytest.approx((1.8e-5 / 0.9, 2.2e-5 / 0.75))
    assert correct.level == pytest.approx(0.9)
    assert correct.split == "dev"


@given(st.floats(0.01, 10), st.floats(0.05, 1.0))
def test_a_correct_answer_never_costs_less_than_an_answer(price, share):
    accuracy = Measurement("accuracy", share, "fraction", 50, "", low=share / 2, high=1.0)
    sheet = PriceSheet("s", date(2026, 1, 1), price, "USD")
    money, correct = measure_money([CPU], sheet=sheet, accuracy=accuracy)
    assert correct.value >= money.value
    assert correct.low <= correct.value <= correct.high
    assert correct.level is None


def test_without_a_sheet_nothing_is_invented():
    for found in measure_money([CPU], sheet=None, accuracy=ACCURACY):
        assert found.value is None
        assert found.detail == (
            "not measured: needs a price sheet: give its id, its day, and the price of a CPU-hour"
        )


def test_what_money_rests_on_must_be_measured():
    unmeasured = Measurement("cpu_s_per_1000", None, "s", 0, "")
    assert [m.value for m in measure_money([unmeasured], sheet=SHEET)] == [None, None]
    money, correct = measure_money([CPU], sheet=SHEET)
    assert money.value is not None
    assert (correct.value, correct.unit) == (None, "EUR")
    assert "needs the accuracy" in correct.detail
    none_right = Measurement("accuracy", 0.0, "fraction", 9, "", low=0.0, high=0.3)
    assert "no answer was correct" in measure_money([CPU], sheet=SHEET, accuracy=none_right)[1].detail


def test_an_accuracy_that_may_be_nought_leaves_no_upper_bound():
    accuracy = Measurement("accuracy", 0.1, "fraction", 9, "", low=0.0, high=0.3)
    assert measure_money([CPU], sheet=SHEET, accuracy=accuracy)[1].high is None


def test_a_sheet_without_sense_is_refused():
    with pytest.raises(InvalidInputError, match="a price of at least 0, got -1"):
        PriceSheet("s", date(2026, 1, 1), -1.0, "EUR")
    with pytest.raises(InvalidInputError, match="a price of at least 0, got nan"):
        PriceSheet("s", date(2026, 1, 1), float("nan"), "EUR")
    with pytest.raises(InvalidInputError, match="three capitals such as EUR, got 'euro'"):
        PriceSheet("s", date(2026, 1, 1), 1.0, "euro")
