import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from smallcraft.errors import InvalidInputError
from smallcraft.stats.sequences.conformal import (
    conformal_p_values,
    counter_uniforms,
    log_e_values,
    make_bets,
    normal_scores,
)

NAMES = np.arange(5, dtype=np.uint64)


@given(st.lists(st.integers(0, 4), max_size=12), st.integers(0, 4), st.floats(0.01, 0.99))
def test_the_p_value_is_the_rank_with_ties_split_by_the_random_number(pool, value, uniform):
    found = conformal_p_values(
        np.array(float(value)), np.array(pool, dtype=float), uniforms=np.array(uniform)
    )
    larger, equal = sum(other > value for other in pool), pool.count(value)
    assert found == pytest.approx((larger + uniform * (1 + equal)) / (len(pool) + 1))


@pytest.mark.parametrize("k", [0, 1, 5, 40])
@pytest.mark.parametrize(
    "draw", [lambda rng, shape: rng.standard_cauchy(shape), lambda rng, s: rng.integers(0, 3, s)]
)
def test_it_is_exactly_uniform_for_exchangeable_numbers_however_few_or_tied(k, draw):
    rng = np.random.default_rng(k)
    rows = draw(rng, (4000, k + 1)).astype(float)
    found = conformal_p_values(rows[:, 0], rows[:, 1:], uniforms=rng.random(4000))
    assert stats.kstest(found, "uniform").pvalue > 0.001


def test_e_values_average_one_over_all_ranks():
    """Over the uniform law of the p-value, on a fine grid; both sides, both sizes."""
    p_values = (np.arange(200_000) + 0.5) / 200_000
    bets = make_bets(np.ones(1), np.zeros(1, dtype=np.int64))
    e_values = np.exp(log_e_values(normal_scores(p_values)[:, None], bets))
    np.testing.assert_allclose(e_values.mean(axis=0), 1, atol=0.01)


def test_bets_share_out_the_weight_of_their_statistic():
    bets = make_bets(np.array([3.0, 1.0]), np.array([0, -1]), sizes=(1.0, 2.0))
    assert bets.statistic.tolist() == [0, 0, 0, 0, 1, 1]
    assert bets.side.tolist() == [1, 1, -1, -1, -1, -1]
    assert bets.weight.tolist() == pytest.approx([0.1875] * 4 + [0.125] * 2)


def test_a_rise_is_bet_on_by_the_upper_side():
    bets = make_bets(np.ones(1), np.zeros(1, dtype=np.int64), sizes=(2.0,))
    up, down = log_e_values(np.array([3.0]), bets)
    assert (up, down) == (4.0, -8.0)


def test_what_was_not_measured_is_not_bet_on():
    bets = make_bets(np.ones(2), np.ones(2, dtype=np.int64), sizes=(1.0,))
    assert log_e_values(np.array([np.nan, 1.0]), bets).tolist() == [0.0, 0.5]
    assert np.isnan(conformal_p_values(np.array(np.nan), np.zeros(3), uniforms=np.array(0.5)))


def test_random_numbers_hang_on_seed_time_and_name_alone():
    first = counter_uniforms(3, 1000, NAMES)
    assert first.tolist() == counter_uniforms(3, 1000, NAMES).tolist()
    assert first[::-1].tolist() == counter_uniforms(3, 1000, NAMES[::-1].copy()).tolist()
    others = (counter_uniforms(4, 1000, NAMES), counter_uniforms(3, 1001, NAMES))
    assert not set(first.tolist()) & {number for other in others for number in other.tolist()}


def test_random_numbers_are_uniform_and_independent_over_time_and_names():
    names = np.arange(40, dtype=np.uint64)
    drawn = np.stack([counter_uniforms(0, at, names) for at in range(500)])
    assert stats.kstest(drawn.ravel(), "uniform").pvalue > 0.001
    assert 0 < drawn.min() < drawn.max() < 1
    scores = normal_scores(drawn)
    for shifted in (scores[1:] * scores[:-1], scores[:, 1:] * scores[:, :-1]):
        assert abs(shifted.mean()) < 4 / np.sqrt(shifted.size)


def test_bets_on_nothing_are_refused():
    with pytest.raises(InvalidInputError, match="bets need a weight"):
        make_bets(np.zeros(2), np.zeros(2, dtype=np.int64))
    with pytest.raises(InvalidInputError, match="sizes above 0"):
        make_bets(np.ones(1), np.zeros(1, dtype=np.int64), sizes=(0.0,))
