import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.stats.sequences.betting import (
    FRACTIONS,
    STEPS,
    anytime_interval,
    anytime_lower_bounds,
    anytime_upper_bounds,
    count_losses,
    count_mistakes,
    log_capitals,
    log_excess_evidence,
)

ON_STEPS = st.lists(st.integers(0, STEPS), min_size=1, max_size=25).map(
    lambda steps: [s / STEPS for s in steps]
)
LOSSES = st.lists(st.floats(0, 1), max_size=25)


def slow_capital(losses, bound):
    """One gambler after the other, one loss after the other, in plain numbers."""
    capitals = []
    for part in FRACTIONS:
        capital = 1.0
        for loss in losses:
            capital *= 1 + part / bound * (loss - bound)
        capitals.append(capital)
    return sum(capitals) / len(capitals)


def slow_lower_bound(losses, confidence, *, grid=2000):
    """The smallest bound of a grid that is not refuted."""
    for step in range(1, grid):
        if slow_capital(losses, step / grid) < 1 / (1 - confidence):
            return step / grid
    return 1.0


@given(ON_STEPS, st.floats(0.05, 0.95))
def test_capital_is_that_of_gamblers_who_play_one_loss_after_the_other(losses, bound):
    found = log_excess_evidence(count_losses(np.array(losses)), bound)
    assert math.exp(found) == pytest.approx(slow_capital(losses, bound), rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_bounds_agree_with_a_search_over_a_grid(seed):
    rng = np.random.default_rng(seed)
    losses = rng.integers(0, STEPS + 1, 60) / STEPS if seed % 2 else (rng.random(60) < 0.3).astype(float)
    counts = count_losses(losses)
    assert anytime_lower_bounds(counts, confidence=0.9) == pytest.approx(
        slow_lower_bound(losses, 0.9), abs=6e-4
    )
    above = 1 - slow_lower_bound(1 - losses, 0.9)
    assert anytime_upper_bounds(counts, confidence=0.9) == pytest.approx(above, abs=6e-4)


@given(LOSSES, LOSSES, st.floats(0.1, 0.9))
def test_counts_add_up_whatever_the_order(first, second, bound):
    together = count_losses(np.array([*second, *first]))
    assert (count_losses(np.array(first)) + count_losses(np.array(second))).tolist() == together.tolist()
    assert together.sum() == len(first) + len(second)


@given(LOSSES.filter(len))
def test_losses_between_steps_only_weaken_a_claim(losses):
    counts, exact = count_losses(np.array(losses)), np.array(losses)
    assert math.exp(log_excess_evidence(counts, 0.3)) <= slow_capital(losses, 0.3) * (1 + 1e-9)
    mirrored = count_losses(1 - exact)
    upper = anytime_upper_bounds(counts, confidence=0.8)
    assert upper >= 1 - anytime_lower_bounds(mirrored, confidence=0.8) - 2 / STEPS


@given(LOSSES)
def test_an_interval_contains_the_mean(losses):
    found = anytime_interval(count_losses(np.array(losses)))
    assert 0 <= found.low <= found.high <= 1
    if losses:
        assert found.low <= np.mean(losses) + 1 / STEPS
        assert found.high >= np.mean(losses) - 1 / STEPS


@pytest.mark.parametrize(("a", "b"), [(0.05, 0.05), (0.5, 0.5), (1.0, 9.0)])
def test_bounds_hold_at_all_times_together(a, b):
    """1,500 streams of 400 losses (zero, one, or a beta law), looked at 40 times; seed 11."""
    rng, mean = np.random.default_rng(11), a / (a + b)
    losses = rng.beta(a, b, size=(1500, 400)) if a != 0.05 else (rng.random((1500, 400)) < mean)
    missed = np.zeros(1500, dtype=bool)
    counts = np.zeros((1500, 513), dtype=np.int64)
    for begin in range(0, 400, 10):
        for row, part in zip(counts, losses[:, begin : begin + 10], strict=True):
            row += count_losses(part.astype(float))
        missed |= log_excess_evidence(counts, mean) >= math.log(1 / 0.05)
        missed |= log_excess_evidence(counts[:, ::-1], 1 - mean) >= math.log(1 / 0.05)
    assert missed.mean() <= 0.10 + 3 * math.sqrt(0.1 * 0.9 / 1500)


def test_a_rise_of_the_loss_is_seen_and_a_mean_at_the_bound_is_not():
    counts = count_mistakes(np.array([100, 160]), np.array([1000, 1000]))
    evidence = log_excess_evidence(counts, 0.10)
    assert evidence[0] < math.log(2)
    assert evidence[1] > math.log(1000)
    assert anytime_lower_bounds(counts, confidence=0.95)[1] > 0.12


def test_groups_are_bounded_side_by_side():
    counts = count_mistakes(np.array([5, 50, 0]), np.array([100, 100, 0]))
    low, high = (bound(counts, confidence=0.9) for bound in (anytime_lower_bounds, anytime_upper_bounds))
    for place in range(3):
        alone = counts[place]
        assert low[place] == pytest.approx(float(anytime_lower_bounds(alone, confidence=0.9)), abs=1e-9)
        assert high[place] == pytest.approx(float(anytime_upper_bounds(alone, confidence=0.9)), abs=1e-9)
    assert (low[2], high[2]) == (0, 1)


def test_the_gamblers_of_a_window_can_feed_detectors():
    capitals = log_capitals(count_mistakes(np.array([3, 30]), np.array([100, 100])), 0.1)
    assert capitals.shape == (2, len(FRACTIONS))
    assert capitals[0].max() < 0.1 < capitals[1].max()


def test_losses_and_bounds_outside_their_range_are_refused():
    with pytest.raises(InvalidInputError, match="divide by the largest"):
        count_losses(np.array([1.5]))
    with pytest.raises(InvalidInputError, match="must lie in"):
        log_capitals(count_losses(np.array([1.0])), 0.0)
    with pytest.raises(InvalidInputError, match="confidence must be a fraction"):
        anytime_lower_bounds(count_losses(np.array([1.0])), confidence=95)
