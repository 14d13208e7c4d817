import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from smallcraft.errors import InvalidInputError
from smallcraft.stats.average_precision import (
    average_precision,
    average_precision_difference,
    average_precision_interval,
    macro_average_precision,
)


@st.composite
def curves(draw):
    scores = draw(st.lists(st.integers(0, 9), min_size=2, max_size=40))
    positives = draw(st.integers(1, len(scores)))
    return np.arange(len(scores)) < positives, np.array(scores, dtype=float)


def drawn(n, gain, seed, share=0.3):
    rng = np.random.default_rng(seed)
    is_positive = np.arange(n) < share * n
    return is_positive, rng.normal(size=n) + gain * is_positive, rng


@given(curves())
def test_the_value_agrees_with_sklearn_and_is_the_mean_influence(case):
    found = average_precision(*case)
    assert found.value == pytest.approx(average_precision_score(*case), abs=1e-9)
    assert found.influence.mean() == pytest.approx(found.value, abs=1e-9)


@given(curves(), st.integers(0, 39))
def test_influence_is_the_derivative_by_the_weight_of_a_row(case, row):
    is_positive, scores = case
    row %= len(scores)
    step, n = 1e-6, len(scores)
    more, less = np.ones(n), np.ones(n)
    more[row] += step
    less[row] -= step
    slope = (
        average_precision_score(is_positive, scores, sample_weight=more)
        - average_precision_score(is_positive, scores, sample_weight=less)
    ) / (2 * step)
    found = average_precision(is_positive, scores)
    assert found.influence[row] == pytest.approx(found.value + n * slope, abs=1e-5)


def test_the_standard_error_agrees_with_an_index_bootstrap():
    is_positive, scores, rng = drawn(300, 1.2, 3)
    spread = np.std(
        [
            average_precision(is_positive[rows], scores[rows]).value
            for rows in (rng.integers(0, 300, 300) for _ in range(2000))
        ]
    )
    influence = average_precision(is_positive, scores).influence
    assert influence.std(ddof=1) / np.sqrt(300) == pytest.approx(spread, rel=0.08)


def test_the_interval_covers():
    """The truth from 400,000 rows; 95 % of 300 is 285, three standard errors less is 274. Seed 5."""
    expected = average_precision(*drawn(400_000, 1.5, 1)[:2]).value
    rng, covered = np.random.default_rng(5), 0
    for _ in range(300):
        is_positive = rng.random(200) < 0.3
        found = average_precision(is_positive, rng.normal(size=200) + 1.5 * is_positive)
        interval = average_precision_interval(found)
        assert 0 <= interval.low <= found.value <= interval.high <= 1
        covered += interval.low <= expected <= interval.high
    assert covered >= 274


def test_a_perfect_ranking_is_not_taken_for_a_perfect_model():
    is_positive = np.arange(40) < 20
    interval = average_precision_interval(average_precision(is_positive, is_positive.astype(float)))
    assert interval.high == 1
    assert 0.5 < interval.low < 0.025 ** (1 / 20)
    lone = average_precision_interval(average_precision(np.arange(9) < 1, np.arange(9.0)))
    assert (lone.low, lone.high) == (0, 1)


def test_the_mean_over_classes_agrees_with_sklearn_and_a_lone_row_may_be_anything():
    rng = np.random.default_rng(2)
    truth, probs = rng.integers(0, 4, 200), rng.dirichlet(np.ones(5), 200)
    found = macro_average_precision(truth, probs)
    expected = average_precision_score(np.eye(5)[truth][:, :4], probs[:, :4], average="macro")
    assert found.value == pytest.approx(expected, abs=1e-9)
    assert found.influence.mean() == pytest.approx(found.value, abs=1e-9)
    truth[truth == 3] = 2
    truth[0] = 3
    with_lone = macro_average_precision(truth, probs)
    assert with_lone.unseen == 0.25
    interval = average_precision_interval(with_lone)
    assert interval.high > with_lone.value + 0.25 * (1 - with_lone.value) * 0.9


def test_differences_of_two_rankings_cover_and_equal_ones_are_not_certain_to_be_equal():
    is_positive, scores, rng = drawn(400, 1.5, 7)
    worse = scores + rng.normal(size=400)
    first, other = average_precision(is_positive, scores), average_precision(is_positive, worse)
    interval = average_precision_difference(first, other)
    assert 0 < interval.low < first.value - other.value < interval.high
    same = average_precision_difference(first, first)
    assert same.low == -same.high < -0.02


def test_no_positive_row_is_refused():
    with pytest.raises(InvalidInputError, match="needs positive rows, got none"):
        average_precision(np.zeros(3, dtype=bool), np.arange(3.0))
