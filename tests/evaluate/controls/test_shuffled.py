"""Shuffled labels teach nothing, and the control knows luck from a leak."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.evaluate.controls.shuffled import MOST_TRIES, deal_labels, run_control


@given(st.lists(st.integers(1, 60), min_size=2, max_size=6), st.integers(0, 99))
def test_each_label_keeps_its_rows_and_each_class_gets_it_in_its_share(sizes, seed):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    dealt = deal_labels(labels, np.random.default_rng(seed))
    n = len(labels)
    assert np.bincount(dealt, minlength=len(sizes)).tolist() == sizes
    for code, size in enumerate(sizes):
        inside = np.bincount(dealt[labels == code], minlength=len(sizes))
        # Evenly spread labels: a stretch of n_c rows holds n_c * n_d / n of label d, give or take those at
        # its two ends.
        assert np.abs(inside - size * np.array(sizes) / n).max() <= len(sizes)


def test_dealing_is_random_and_depends_on_the_seed():
    labels = np.arange(300) % 3
    one, again, other = (deal_labels(labels, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert (one != other).mean() > 0.5
    # No row keeps its label more often than chance has it.
    kept = np.mean([(deal_labels(labels, np.random.default_rng(s)) == labels).mean() for s in range(40)])
    assert kept == pytest.approx(1 / 3, abs=0.02)


def test_answers_that_know_nothing_fall_to_chance_at_once():
    dice = np.random.default_rng(5)
    truth = dice.integers(4, size=400)
    control = run_control(lambda number: dice.integers(4, size=400), truth, level=0.95)
    assert control.is_chance
    assert len(control.accuracies) == 1
    assert control.interval.low < control.accuracies[0] < control.interval.high
    assert control.hits / control.trials == pytest.approx(control.accuracies[0])
    assert control.expected == pytest.approx(0.25, abs=0.02)


def test_answers_that_see_the_truth_are_above_chance_every_time():
    truth = np.random.default_rng(5).integers(4, size=200)
    control = run_control(lambda number: truth, truth, level=0.95)
    assert not control.is_chance
    assert control.accuracies == (1.0,) * MOST_TRIES


def test_two_classes_told_apart_and_answered_by_luck_are_no_leak():
    """Each class gets one lucky or unlucky answer: right about both in one try of four."""
    dice = np.random.default_rng(11)
    truth = np.arange(200) % 2
    false = sum(
        not run_control(lambda number: dice.integers(2, size=2)[truth], truth, level=0.95).is_chance
        for _ in range(200)
    )
    one_try = sum((dice.integers(2, size=2)[truth] == truth).all() for _ in range(200))
    print(f"seed 11: {false} of 200 called a leak; one try alone would have called {one_try}")
    assert false <= 4
    assert one_try > 25


def test_rows_of_one_key_widen_the_interval():
    dice = np.random.default_rng(3)
    truth = np.repeat(dice.integers(2, size=20), 10)
    answers = np.repeat(dice.integers(2, size=20), 10)
    alone = run_control(lambda number: answers, truth, level=0.95)
    keyed = run_control(lambda number: answers, truth, level=0.95, clusters=np.repeat(np.arange(20), 10))
    assert keyed.trials < alone.trials
    assert keyed.interval.high - keyed.interval.low > alone.interval.high - alone.interval.low
