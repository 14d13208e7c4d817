"""Errors of numbers equal scikit-learn's, and their intervals hold what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from smallcraft.stats.value_metrics import value_difference, value_interval, value_of

ORACLES = {"mae": mean_absolute_error, "rmse": root_mean_squared_error, "r2": r2_score}


def draw(rng, n: int):
    truth = rng.normal(50, 10, n)
    return truth, truth + rng.standard_t(8, n) * 4


@pytest.mark.parametrize("name", ORACLES)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 50))
@settings(max_examples=30, deadline=None)
def test_a_metric_equals_scikit_learns(name, seed, n):
    truth, predicted = draw(np.random.default_rng(seed), n)
    assert value_of(name, truth, predicted) == pytest.approx(ORACLES[name](truth, predicted))


@pytest.mark.parametrize("name", ORACLES)
def test_intervals_cover_as_often_as_they_say(name):
    rng = np.random.default_rng(2)
    truth, predicted = draw(rng, 100_000)
    true, held = value_of(name, truth, predicted), 0
    for _ in range(400):
        rows = rng.integers(len(truth), size=200)
        bounds = value_interval(name, truth[rows], predicted[rows], level=0.9)
        held += bounds.low <= true <= bounds.high
    assert held / 400 >= 0.86


@pytest.mark.parametrize("name", ORACLES)
def test_a_difference_is_a_share_of_a_plain_error_and_has_its_sign(name):
    rng = np.random.default_rng(4)
    truth, poor = draw(rng, 500)
    good = truth + (poor - truth) / 2
    found = value_difference(name, truth, good, poor, level=0.9)
    back = value_difference(name, truth, poor, good, level=0.9)
    assert found.value == pytest.approx(-back.value)
    assert found.interval.low > 0
    scale = {"mae": np.abs(truth - truth.mean()).mean(), "rmse": truth.std(), "r2": 1.0}[name]
    gained = value_of(name, truth, poor) - value_of(name, truth, good)
    assert abs(found.value) == pytest.approx(abs(gained) / scale)


def test_a_unit_does_not_matter_to_a_difference_and_moves_an_error():
    truth, poor = draw(np.random.default_rng(9), 200)
    good = truth + (poor - truth) / 3
    for name in ORACLES:
        once = value_difference(name, truth, good, poor, level=0.95)
        inches = value_difference(name, truth * 2.54, good * 2.54, poor * 2.54, level=0.95)
        assert inches.value == pytest.approx(once.value)
    assert value_of("mae", truth * 10, poor * 10) == pytest.approx(10 * value_of("mae", truth, poor))


def test_too_few_rows_have_no_interval():
    assert value_interval("mae", np.array([1.0]), np.array([2.0]), level=0.9) is None
    lone = value_difference("mae", np.array([1.0]), np.array([2.0]), np.array([3.0]), level=0.9)
    assert np.isinf(lone.interval.low)
