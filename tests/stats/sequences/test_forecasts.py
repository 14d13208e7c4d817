import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.stats.sequences.forecasts import (
    Hang,
    add_pair,
    add_score,
    calm_swing,
    no_ground,
    scale_of,
)


def wander(share, steps, *, seed, streams=200):
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(steps, streams))
    numbers[0] /= np.sqrt(1 - share**2)
    for step in range(1, steps):
        numbers[step] += share * numbers[step - 1]
    return numbers * np.sqrt(1 - share**2)


def fitted(numbers):
    hang = Hang(np.zeros(numbers.shape[1]), np.zeros(numbers.shape[1]))
    for earlier, later in itertools.pairwise(numbers):
        hang = add_pair(hang, earlier, later, memory=1000)
    return hang


def missed(numbers, *, by_ground):
    """Misses of numbers that are learned from one by one, `(t, streams)`."""
    shape = numbers.shape[1:]
    hang, ground, last, misses = Hang(np.zeros(shape), np.zeros(shape)), no_ground(shape), np.nan, []
    steps = np.ones(shape, dtype=int)
    for number in numbers:
        last = np.broadcast_to(last, shape)
        expected = ground.expected(last, hang, steps) if by_ground else hang.expected(last, steps)
        misses.append(number - expected)
        hang = add_pair(hang, last, number, memory=1000)
        ground, last = ground.learned(last, number, memory=1000).followed(number), number
    return np.array(misses)


def swung(scores):
    swing = calm_swing(scores.shape[1:])
    for each in scores:
        swing = add_score(swing, each, memory=1000)
    return swing


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=15), st.integers(0, 3))
def test_the_centre_is_the_median_and_what_is_missing_is_left_out(values, missing):
    pool = np.array([*values, *[np.nan] * missing])
    assert scale_of(pool).centre == pytest.approx(np.median(values))
    assert scale_of(pool).spread > 0


def test_the_spread_is_the_standard_deviation_of_normal_numbers():
    pool = np.random.default_rng(0).normal(5, 3, size=(50, 400))
    scale = scale_of(pool)
    assert scale.centre.mean() == pytest.approx(5, abs=0.05)
    assert scale.spread.mean() == pytest.approx(3, rel=0.02)


def test_numbers_that_are_mostly_equal_still_have_a_spread():
    assert scale_of(np.array([1.0, 1.0, 1.0, 5.0])).spread == pytest.approx(1 / 0.7978845608)
    assert scale_of(np.array([2.0, 2.0])).spread == 1
    assert np.isnan(scale_of(np.array([np.nan, np.nan])).centre)
    still = [scale_of(np.array(pool)).is_still for pool in ([1.0, 1.0, 1.0, 5.0], [1.0, 1.0, 5.0, 5.0])]
    assert still == [True, False]


def test_nothing_is_said_to_hang_on_what_came_before_unless_it_is_clear():
    assert np.mean(fitted(wander(0.0, 400, seed=1)).share) < 0.03


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_what_stays_is_fitted_and_rather_too_much(share):
    found = fitted(wander(share, 400, seed=2)).share
    assert share < found.mean() < share + 0.12
    assert np.mean(found > share) > 0.7


def test_one_wild_number_does_not_make_or_break_a_hang():
    numbers = wander(0.8, 300, seed=3)
    clean = fitted(numbers).share
    numbers[150] = 1e9
    assert np.abs(fitted(numbers).share - clean).mean() < 0.15
    assert np.all(np.abs(fitted(numbers).expected(np.full(200, 1e9), np.ones(200, dtype=int))) <= 5)


def test_a_gap_tells_nothing_and_is_passed_over():
    hang = fitted(wander(0.9, 50, seed=4, streams=1))
    after = add_pair(hang, np.array([np.nan]), np.array([3.0]), memory=100)
    assert (after.squares, after.products) == (hang.squares, hang.products)
    one, three = np.array([1]), np.array([3])
    assert hang.expected(np.array([np.nan]), one) == 0
    assert 0 < hang.expected(np.array([1.0]), three) < hang.expected(np.array([1.0]), one)


def test_a_level_under_noise_is_told_by_the_ground_and_not_by_the_last_number():
    """AR(.9) and as much noise, each of variance 1: the best forecast there is misses by 1.44."""
    numbers = wander(0.9, 240, seed=8) + np.random.default_rng(9).normal(size=(240, 200))
    by_ground, by_last = (missed(numbers, by_ground=ground)[60:] for ground in (True, False))
    assert by_ground.var() < by_last.var()
    assert by_ground.var() < 1.65
    swings = [swung(each / each.std()).inflation.mean() for each in (by_ground, by_last)]
    assert swings[0] < 1.5 < 2.5 < swings[1]


def test_a_clear_level_is_told_by_the_last_number_and_the_ground_together():
    """Variance 5 of AR(.9), 1 of noise: by the last alone misses keep a sign while the level is far out."""
    noise = np.random.default_rng(13).normal(size=(600, 200))
    numbers = (wander(0.9, 600, seed=12) * 5**0.5 + noise) / 6**0.5
    by_both, by_last = (missed(numbers, by_ground=ground)[300:] for ground in (True, False))
    assert by_both.var() < 0.96 * by_last.var()
    stays_far = np.all([numbers[300 + back : 597 + back] > 1.5 for back in range(3)], axis=0)
    after = [each[3:][stays_far].mean() for each in (by_both, by_last)]
    assert after[0] < 0.05 < after[1]


def test_where_the_last_number_tells_all_or_nothing_the_ground_is_left_alone():
    steps = np.ones(200, dtype=int)
    for share in (0.0, 0.9):
        numbers = wander(share, 300, seed=10)
        with_ground, without = (missed(numbers, by_ground=ground)[60:] for ground in (True, False))
        assert np.mean(with_ground != without) < 0.12
    assert np.all(no_ground((200,)).expected(np.ones(200), fitted(numbers), steps) > 0.8)


@given(st.lists(st.one_of(st.floats(-1e300, 1e300), st.just(np.nan)), max_size=20))
def test_the_ground_stays_where_numbers_count(numbers):
    ground = no_ground((1,))
    for number in numbers:
        before, ground = ground, ground.followed(np.array([number]))
        assert abs(ground.level[0]) <= 5
        if np.isnan(number):
            assert ground.level == before.level


def test_independent_scores_do_not_swing_and_wandering_ones_do():
    calm, wild = (swung(wander(share, 800, seed=5)).inflation.mean() for share in (0.0, 0.6))
    assert 1 <= calm < 1.6
    assert 4 < wild < 8  # (1 + 0.6) / (1 - 0.6) = 4, and one standard error more


def test_a_score_that_was_not_made_changes_no_swing():
    swing = swung(wander(0.5, 20, seed=6, streams=2))
    after = add_score(swing, np.array([np.nan, 1.0]), memory=100)
    assert after.level[0] == swing.level[0]
    assert after.scores.tolist() == [20, 21]
