"""Attacks count right guesses honestly, and several counts share one error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from smallcraft.errors import InvalidInputError
from smallcraft.stats.attacks import bound_epsilon, caught_at, count_right_guesses
from smallcraft.stats.epsilon import epsilon_lower_bound

SEED = 512


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.data())
def test_right_guesses_are_those_out_below_and_in_above(coins, data):
    guesses = data.draw(st.integers(1, len(coins)))
    is_in = np.array(coins)
    called = [None] * len(coins)
    for place in range(guesses // 2):
        called[place] = False
    for place in range(guesses - guesses // 2):
        called[len(coins) - 1 - place] = True
    expected = sum(call is not None and call == coin for call, coin in zip(called, coins, strict=True))
    assert count_right_guesses(is_in, guesses) == expected


def test_scores_that_know_nothing_prove_something_in_at_most_5_percent_of_runs():
    runs, m = 300, 400
    rng = np.random.default_rng(SEED)
    above = sum(bound_epsilon(rng.random(m) < 0.5, rng.normal(size=m)).value > 0 for _ in range(runs))
    print(f"seed {SEED}: a bound above 0 in {above} of {runs} null runs")
    assert above / runs <= 0.05


def test_guess_counts_chosen_by_looking_would_err_too_often():
    """What sharing the error between the counts is for."""
    runs, m = 600, 400
    rng = np.random.default_rng(SEED)
    above = 0
    for _ in range(runs):
        is_in, order = rng.random(m) < 0.5, rng.permutation(m)
        counts = [round(share * m) for share in (1.0, 0.5, 0.2, 0.1, 0.05, 0.03)]
        rights = [count_right_guesses(is_in[order], count) for count in counts]
        above += any(
            epsilon_lower_bound(right, count, m) > 0 for right, count in zip(rights, counts, strict=True)
        )
    assert binomtest(above, runs, 0.05, alternative="greater").pvalue < 0.01


def test_scores_that_know_everything_reach_the_highest_bound():
    rng = np.random.default_rng(SEED)
    is_in = rng.random(500) < 0.5
    found = bound_epsilon(is_in, is_in + 0.1 * rng.random(500), shares=(0.8, 0.1))
    assert found.value == found.highest == epsilon_lower_bound(400, 400, 500, confidence=0.975)
    assert (found.right, found.guesses, found.canaries) == (400, 400, 500)


def test_a_few_that_are_certain_prove_more_than_all_that_are_not():
    """A tenth of the canaries is given away, nothing is known of the others."""
    rng = np.random.default_rng(SEED)
    is_in = rng.random(1000) < 0.5
    scores = rng.normal(size=1000)
    scores[:100] += np.where(is_in[:100], 20, -20)
    found = bound_epsilon(is_in, scores)
    assert found.guesses == 100
    assert found.value > bound_epsilon(is_in, scores, shares=(1.0,)).value + 1


def test_equal_scores_tell_nothing_apart_but_by_position():
    rng = np.random.default_rng(SEED)
    is_in = rng.random(200) < 0.5
    found = bound_epsilon(is_in, np.zeros(200), shares=(1.0,))
    assert found.right == count_right_guesses(is_in, 200)


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([0.0, 0.01, 0.1]), st.integers(0, 99))
def test_hardly_any_of_those_left_out_pass_the_threshold_of_the_caught_rate(n_in, n_out, share, seed):
    rng = np.random.default_rng(seed)
    is_in = np.arange(n_in + n_out) < n_in
    scores = np.round(rng.normal(size=n_in + n_out), 1)
    found = caught_at(is_in, scores, most_false=share)
    assert found.false_hits <= share * n_out
    assert (found.trials, found.false_trials) == (n_in, n_out)
    # No lower threshold would do: the next score down lets too many pass.
    outside = np.sort(scores[~is_in])[::-1]
    below = outside[found.false_hits]
    assert (scores[~is_in] >= below).sum() > share * n_out
    assert found.hits == (scores[is_in] > below).sum()


def test_attacks_on_nothing_are_refused():
    with pytest.raises(InvalidInputError, match="one finite score for each"):
        bound_epsilon(np.array([True]), np.array([np.nan]))
    with pytest.raises(InvalidInputError, match="one finite score for each"):
        bound_epsilon(np.empty(0, bool), np.empty(0))
    with pytest.raises(InvalidInputError, match="canaries in and out"):
        caught_at(np.array([True, True]), np.array([0.1, 0.2]))
