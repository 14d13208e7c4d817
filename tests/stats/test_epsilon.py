"""The bound holds against mechanisms of known epsilon, and grows with what is proved."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binomtest

from smallcraft.errors import InvalidInputError
from smallcraft.stats.epsilon import epsilon_lower_bound, right_guesses_p_value

SEED = 20230


def plain_p_value(right: int, guesses: int, canaries: int, epsilon: float, delta: float) -> float:
    """The theorem, term by term in exact binomial coefficients."""
    share = math.exp(epsilon) / (1 + math.exp(epsilon))

    def chance(low: int, high: int) -> float:
        return math.fsum(
            math.comb(guesses, w) * share**w * (1 - share) ** (guesses - w) for w in range(max(low, 0), high)
        )

    worst = max(2 / i * chance(right - i, right) for i in range(1, canaries + 1))
    return min(1.0, chance(right, guesses + 1) + canaries * delta * worst)


@given(st.integers(1, 40), st.data(), st.floats(0, 4), st.sampled_from([0.0, 1e-5, 1e-2]))
def test_the_p_value_is_the_theorem_written_out(guesses, data, epsilon, delta):
    right = data.draw(st.integers(0, guesses))
    canaries = guesses + data.draw(st.integers(0, 20))
    found = right_guesses_p_value(right, guesses, canaries, epsilon=epsilon, delta=delta)
    assert found == pytest.approx(plain_p_value(right, guesses, canaries, epsilon, delta), abs=1e-9)


@given(st.integers(1, 300), st.data())
def test_without_delta_the_bound_is_the_logit_of_the_exact_bound_of_a_share(guesses, data):
    right = data.draw(st.integers(1, guesses))
    share = float(beta.ppf(0.05, right, guesses - right + 1))
    expected = max(0.0, math.log(share / (1 - share)))
    assert epsilon_lower_bound(right, guesses, guesses, delta=0.0) == pytest.approx(expected, abs=1e-6)


@given(st.integers(2, 200), st.data(), st.sampled_from([0.0, 1e-5, 1e-3]))
def test_the_bound_grows_with_right_guesses_and_falls_with_delta_and_confidence(guesses, data, delta):
    right = data.draw(st.integers(1, guesses))
    bound = epsilon_lower_bound(right, guesses, guesses, delta=delta)
    assert epsilon_lower_bound(right - 1, guesses, guesses, delta=delta) <= bound
    assert epsilon_lower_bound(right, guesses, guesses, delta=2 * delta + 1e-6) <= bound
    assert epsilon_lower_bound(right, guesses, guesses, delta=delta, confidence=0.99) <= bound


def test_half_right_or_fewer_proves_nothing():
    assert epsilon_lower_bound(100, 200, 200) == 0.0
    assert epsilon_lower_bound(0, 200, 200) == 0.0


@pytest.mark.parametrize("epsilon", [0.0, 0.5, 2.0])
def test_randomised_response_is_hardly_ever_said_to_leak_more_than_it_does(epsilon):
    """Each canary answers the truth with chance e^eps / (1 + e^eps): the worst there is at that epsilon."""
    runs, m = 4000, 300
    rng = np.random.default_rng(SEED)
    right = rng.binomial(m, 1 / (1 + math.exp(-epsilon)), runs)
    above = sum(epsilon_lower_bound(int(count), m, m, delta=0.0) > epsilon for count in right)
    print(f"seed {SEED}: bound above {epsilon} in {above} of {runs} runs")
    assert binomtest(above, runs, 0.05, alternative="greater").pvalue > 0.01
    # Tight as well: a bound that never errs would be far too low.
    assert above / runs > 0.02


def test_a_failure_that_delta_allows_is_paid_for():
    """With chance delta a canary is given away; a bound that leaves delta out errs far too often."""
    runs, m, epsilon, delta = 2000, 300, 1.0, 0.02
    rng = np.random.default_rng(SEED)
    share = 1 / (1 + math.exp(-epsilon))
    right = rng.binomial(m, delta + (1 - delta) * share, runs)
    naive = sum(epsilon_lower_bound(int(count), m, m, delta=0.0) > epsilon for count in right)
    honest = sum(epsilon_lower_bound(int(count), m, m, delta=delta) > epsilon for count in right)
    print(f"seed {SEED}: above the truth {naive} (delta left out), {honest} (paid for) of {runs}")
    assert binomtest(naive, runs, 0.05, alternative="greater").pvalue < 0.01
    assert honest / runs <= 0.05


@pytest.mark.parametrize(("right", "guesses", "canaries"), [(3, 2, 5), (-1, 2, 5), (2, 6, 5), (0, 0, 0)])
def test_counts_that_do_not_fit_are_refused(right, guesses, canaries):
    with pytest.raises(InvalidInputError, match="0 <= right <= guesses <= canaries"):
        epsilon_lower_bound(right, guesses, canaries)


def test_a_delta_or_epsilon_out_of_range_is_refused():
    with pytest.raises(InvalidInputError, match="delta in"):
        right_guesses_p_value(1, 2, 2, epsilon=1.0, delta=1.0)
    with pytest.raises(InvalidInputError, match="epsilon must be at least 0"):
        right_guesses_p_value(1, 2, 2, epsilon=-1.0, delta=0.0)
    with pytest.raises(InvalidInputError, match=r"write 0\.95 for 95%"):
        epsilon_lower_bound(1, 2, 2, confidence=95)
