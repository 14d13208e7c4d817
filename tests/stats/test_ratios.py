import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from smallcraft.errors import InvalidInputError
from smallcraft.stats.ratios import (
    balanced_halves,
    halves_ratio,
    mirrored_order,
    paired_ratio,
)

costs = st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=12)


@given(costs, st.integers(0, 2**32))
def test_turning_a_ratio_round_turns_its_interval_round(above, seed):
    below = np.random.default_rng(seed).uniform(0.5, 2, len(above))
    there, back = paired_ratio(np.array(above), below), paired_ratio(below, np.array(above))
    assert there.ratio * back.ratio == pytest.approx(1)
    assert there.interval.low * back.interval.high == pytest.approx(1)
    assert there.interval.low <= there.ratio <= there.interval.high
    assert there.excludes_one == back.excludes_one


def test_the_paired_interval_agrees_with_scipy():
    rng = np.random.default_rng(1)
    above, below = rng.lognormal(size=9), rng.lognormal(size=9)
    found = paired_ratio(above, below, level=0.95)
    wanted = stats.ttest_rel(np.log(above), np.log(below)).confidence_interval(0.95)
    assert (found.interval.low, found.interval.high) == pytest.approx(tuple(np.exp(wanted)))
    assert found.ratio == pytest.approx(stats.gmean(above / below))


def test_the_interval_between_halves_agrees_with_scipy():
    rng = np.random.default_rng(2)
    above, below = rng.lognormal(size=3), rng.lognormal(size=2)
    found = halves_ratio(above, below, level=0.9)
    wanted = stats.ttest_ind(np.log(above), np.log(below)).confidence_interval(0.9)
    assert (found.interval.low, found.interval.high) == pytest.approx(tuple(np.exp(wanted)))
    assert halves_ratio(np.array([1.0]), np.array([2.0])) is None


# Log-costs of runs that differ by noise alone: what a machine may do to them.
NOISES = {
    "even": lambda rng, shape: 0.03 * rng.normal(size=shape),
    "heavy tails": lambda rng, shape: 0.03 * rng.standard_t(2, size=shape),
    "rare bursts": lambda rng, shape: (
        0.01 * rng.normal(size=shape) + 0.5 * (rng.random(shape) < 0.1) * rng.random(shape)
    ),
}


@pytest.mark.parametrize("noise", NOISES)
def test_equal_costs_are_told_apart_no_oftener_than_the_level_says(noise):
    """Seed 7; 4,000 sessions of 6 pairs: 1 % and three standard errors. Normal quantiles would give 5 %."""
    rng, sessions = np.random.default_rng(7), 4000
    logs = NOISES[noise](rng, (sessions, 2, 6))
    false = np.mean([paired_ratio(np.exp(a), np.exp(b), level=0.99).excludes_one for a, b in logs])
    assert false <= 0.01 + 3 * np.sqrt(0.01 * 0.99 / sessions)
    if noise == "even":
        assert false >= 0.005  # nor is it wider than it needs to be


def test_halves_of_one_thing_differ_no_oftener_than_the_level_says():
    """Seed 8; 4,000 sets of five runs."""
    rng, sessions = np.random.default_rng(8), 4000
    runs = np.exp(0.05 * rng.normal(size=(sessions, 5)))
    false = np.mean([halves_ratio(r[[0, 2, 4]], r[[1, 3]], level=0.99).excludes_one for r in runs])
    assert 0.005 <= false <= 0.01 + 3 * np.sqrt(0.01 * 0.99 / sessions)


@given(st.floats(-0.1, 0.1), st.integers(0, 1000))
def test_linear_drift_cancels_in_a_mirrored_order(slope, seed):
    order = mirrored_order(("a", "b", "a again"), np.random.default_rng(seed))
    drift = {name: sum(slope * i for i, n in enumerate(order) if n == name) for name in order}
    assert len(set(np.round(list(drift.values()), 9))) == 1


def test_the_order_within_blocks_is_drawn():
    rng = np.random.default_rng(0)
    assert len({mirrored_order(("a", "b", "c"), rng) for _ in range(100)}) == 6


@given(st.integers(2, 40))
def test_the_two_halves_stand_evenly_in_time(n):
    is_first = balanced_halves(n)
    places = np.arange(n)
    away = places[is_first].mean() - places[~is_first].mean()
    assert abs(away) <= (0 if n % 2 or n % 4 == 0 else 1)
    assert abs(int(is_first.sum()) * 2 - n) <= 1


def test_costs_that_have_no_ratio_are_refused():
    with pytest.raises(InvalidInputError, match=r"finite and above 0, got \[0.0, 1.0\]"):
        paired_ratio(np.array([0.0, 1.0]), np.ones(2))
    with pytest.raises(InvalidInputError, match="at least two pairs, got 1 and 1"):
        paired_ratio(np.ones(1), np.ones(1))
    with pytest.raises(InvalidInputError, match="got 2 and 3 costs"):
        paired_ratio(np.ones(2), np.ones(3))
    with pytest.raises(InvalidInputError, match=r"write 0\.95 for 95%"):
        paired_ratio(np.ones(2), np.ones(2), level=95)
    with pytest.raises(InvalidInputError, match="at least 2 runs, got 1"):
        balanced_halves(1)
