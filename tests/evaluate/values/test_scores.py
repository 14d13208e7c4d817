"""Scores of numbers are scikit-learn's, each with an interval around it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from smallcraft.evaluate.choice.decide import not_inferior
from smallcraft.evaluate.choice.paired import gap_words, quality_difference
from smallcraft.evaluate.values.scores import SCORES
from smallcraft.records import Outcome, ValuePredictions

ORACLES = {
    "mae": metrics.mean_absolute_error,
    "rmse": metrics.root_mean_squared_error,
    "r2": metrics.r2_score,
}


def values(spread: float = 3.0, n: int = 300, *, half_width: float | None = 5.0) -> ValuePredictions:
    rng = np.random.default_rng(0)
    truth = rng.normal(40, 12, n)
    predicted = truth + rng.normal(0, spread, n)
    if half_width is None:
        return ValuePredictions(("hours",), truth, predicted)
    return ValuePredictions(("hours",), truth, predicted, predicted - half_width, predicted + half_width, 0.9)


@pytest.mark.parametrize("name", ORACLES)
def test_a_score_equals_its_oracle_inside_its_interval(name):
    found = SCORES[name].measure(values(), 0.95)
    assert found.value == pytest.approx(ORACLES[name](values().truth, values().predicted))
    assert found.low < found.value < found.high


def test_intervals_are_measured_by_what_they_hold_and_how_wide_they_are():
    held = SCORES["interval_coverage"].measure(values(), 0.95)
    assert held.value == pytest.approx(np.mean(np.abs(values().truth - values().predicted) <= 5.0))
    assert held.detail == "promised: 90%"
    assert SCORES["interval_width"].measure(values(), 0.95).value == pytest.approx(10.0)
    without = SCORES["interval_coverage"].measure(values(half_width=None), 0.95)
    assert (without.value, without.detail) == (None, "not measured: the candidate gives no intervals")


def test_a_value_that_never_differs_leaves_r2_unmeasured():
    flat = ValuePredictions(("hours",), np.ones(5), np.arange(5.0))
    assert SCORES["r2"].measure(flat, 0.95).value is None
    assert SCORES["mae"].measure(flat, 0.95).value == pytest.approx(1.4)


@pytest.mark.parametrize("name", ORACLES)
def test_the_margin_is_a_share_of_the_error_of_the_mean(name):
    good, poor = values(3.0), values(3.3)
    gap = quality_difference(poor, good, metric=name, level=0.9, seed=0).value
    wide, narrow = (
        not_inferior(poor, good, metric=name, margin=m, confidence=0.95, seed=0)
        for m in (3 * abs(gap), abs(gap) / 9)
    )
    assert (wide.outcome, narrow.outcome) == (Outcome.PASS, Outcome.FAIL)
    assert gap_words(name) in wide.sentence
