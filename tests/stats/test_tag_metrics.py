"""F1 of several labels equals scikit-learn's, and its intervals hold what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from smallcraft.stats.tag_metrics import TagCounts, f1_difference, f1_interval, macro_f1, micro_f1

METRICS = {"micro": micro_f1, "macro": macro_f1}


def draw(rng, n: int, *, k: int = 4, wrong: float = 0.15) -> TagCounts:
    truth = rng.random((n, k)) < np.linspace(0.1, 0.5, k)
    return TagCounts(truth, truth ^ (rng.random((n, k)) < wrong))


@pytest.mark.parametrize("average", METRICS)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_f1_equals_scikit_learns_over_the_labels_that_occur(average, seed, n):
    counts = draw(np.random.default_rng(seed), n)
    some, expected = np.flatnonzero(counts.seen.any(axis=0)), 0.0
    if len(some):
        expected = f1_score(counts.truth, counts.called, labels=some, average=average, zero_division=0.0)
    found = METRICS[average](counts)
    assert found.value == pytest.approx(expected)
    assert found.influence.mean() == pytest.approx(found.value)


@pytest.mark.parametrize("average", METRICS)
def test_the_influence_of_a_row_is_the_slope_by_its_weight(average):
    counts = draw(np.random.default_rng(3), 60)
    found, step = METRICS[average](counts), 200
    for row in (0, 7):
        # The row again, once for every `step` copies of all of them: a weight more of 1 / step.
        repeated = np.concatenate([np.tile(np.arange(60), step), [row]])
        moved = METRICS[average](TagCounts(counts.truth[repeated], counts.called[repeated])).value
        slope = (moved - found.value) * step * 60
        assert slope == pytest.approx(found.influence[row] - found.value, abs=0.02)


def test_intervals_cover_as_often_as_they_say():
    rng = np.random.default_rng(11)
    population = draw(rng, 200_000)
    for metric in METRICS.values():
        true = metric(population).value
        held = 0
        for _ in range(500):
            rows = rng.integers(len(population.truth), size=150)
            drawn = TagCounts(population.truth[rows], population.called[rows])
            bounds = f1_interval(drawn, metric, level=0.9)
            held += bounds.low <= true <= bounds.high
        assert 0.86 <= held / 500 <= 0.96


def test_a_better_candidate_is_not_called_inferior_more_often_than_stated():
    rng = np.random.default_rng(5)
    truth = rng.random((100_000, 4)) < 0.3
    sides = [TagCounts(truth, truth ^ (rng.random(truth.shape) < wrong)) for wrong in (0.1, 0.13)]
    true = micro_f1(sides[0]).value - micro_f1(sides[1]).value
    missed = 0
    for _ in range(300):
        rows = rng.integers(len(truth), size=200)
        one, two = (TagCounts(truth[rows], side.called[rows]) for side in sides)
        missed += f1_difference(one, two, micro_f1, level=0.9).interval.low > true
    assert missed / 300 <= 0.08


def test_rows_without_errors_are_not_taken_for_a_perfect_model():
    truth = np.tile([[True, False], [False, True]], (20, 1))
    perfect = TagCounts(truth, truth)
    for metric in METRICS.values():
        bounds = f1_interval(perfect, metric, level=0.95)
        assert 0.8 < bounds.low < 0.97
        assert bounds.high == 1.0
        same = f1_difference(perfect, perfect, metric, level=0.95)
        assert same.value == 0.0
        assert same.interval.low < 0 < same.interval.high


def test_rows_of_one_key_widen_the_interval():
    counts = draw(np.random.default_rng(0), 50)
    repeated = TagCounts(np.repeat(counts.truth, 4, axis=0), np.repeat(counts.called, 4, axis=0))
    keys = np.repeat(np.arange(50), 4)
    alone = f1_interval(repeated, micro_f1, level=0.95)
    tied = f1_interval(repeated, micro_f1, level=0.95, clusters=keys)
    assert tied.high - tied.low > 1.7 * (alone.high - alone.low)
