"""Thresholds of labels: the best is found, and rare labels lean on the common one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import f1_score

from smallcraft.models.parts.f1_thresholds import best_threshold, fit_thresholds, macro_f1

columns = st.integers(1, 30).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.float64, n, elements=st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.9, 1.0])),
        hnp.arrays(np.bool_, n),
    )
)


def f1(answers, truth):
    return 2 * (answers & truth).sum() / max(answers.sum() + truth.sum(), 1)


@given(columns)
def test_no_other_threshold_has_a_higher_f1(column):
    probs, truth = column
    found = best_threshold(probs, truth)
    tried = [f1(probs >= threshold, truth) for threshold in (*probs, 0.0, 1.1)]
    if truth.any():
        assert f1(probs >= found, truth) == pytest.approx(max(tried))
    else:
        assert found == 0.5


@settings(max_examples=30)
@given(hnp.arrays(np.bool_, (9, 4)), hnp.arrays(np.bool_, (9, 4)))
def test_macro_f1_agrees_with_scikit_learn_on_labels_that_occur(answers, truth):
    seen = (answers | truth).any(axis=0)
    if seen.any():
        wanted = f1_score(truth, answers, average=None, zero_division=0.0)
        assert macro_f1(answers, truth) == pytest.approx(wanted[seen].mean())
    else:
        assert macro_f1(answers, truth) == 0.0


def drawn(rng, n, shares):
    """Calibrated probabilities of labels that a row has with these shares."""
    probs = np.stack([rng.beta(4 * share, 4 * (1 - share), n) for share in shares], axis=1)
    return probs, rng.random(probs.shape) < probs


def test_fitted_thresholds_are_better_than_a_half_on_new_rows():
    rng = np.random.default_rng(0)
    shares = np.array([0.1, 0.15, 0.2, 0.3, 0.5])
    thresholds = fit_thresholds(*drawn(rng, 600, shares), seed=0)
    probs, truth = drawn(rng, 4000, shares)
    assert macro_f1(probs >= thresholds, truth) > macro_f1(probs >= 0.5, truth) + 0.05


def test_on_rare_labels_the_shrunken_thresholds_beat_each_labels_own():
    """Forty labels with a handful of rows each: their own best thresholds are luck."""
    shares = np.full(40, 0.03)
    gains = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        probs, truth = drawn(rng, 150, shares)
        own = np.array([best_threshold(probs[:, label], truth[:, label]) for label in range(40)])
        fresh, fresh_truth = drawn(rng, 4000, shares)
        fitted = fit_thresholds(probs, truth, seed=seed)
        gains.append(macro_f1(fresh >= fitted, fresh_truth) - macro_f1(fresh >= own, fresh_truth))
    assert np.mean(gains) > 0.01
    assert min(gains) > -0.005


def test_labels_that_differ_and_are_frequent_keep_thresholds_of_their_own():
    rng = np.random.default_rng(1)
    truth = rng.random((3000, 2)) < 0.3
    noise = rng.random((3000, 2))
    # The first label's probabilities are told ten times too low.
    probs = np.where(truth, 0.6 + 0.4 * noise, 0.5 * noise) * [0.1, 1.0]
    thresholds = fit_thresholds(probs, truth, seed=0)
    assert thresholds[0] < 0.065
    assert 0.5 <= thresholds[1] <= 0.61


def test_a_label_that_no_row_has_gets_the_common_threshold():
    rng = np.random.default_rng(2)
    probs, truth = drawn(rng, 300, np.array([0.3, 0.3, 0.3]))
    truth[:, 2] = False
    thresholds = fit_thresholds(probs, truth, seed=0)
    assert thresholds[2] == best_threshold(probs.ravel(), truth.ravel())


def test_the_same_rows_and_seed_give_the_same_thresholds():
    table = drawn(np.random.default_rng(3), 100, np.array([0.1, 0.4]))
    assert np.array_equal(fit_thresholds(*table, seed=5), fit_thresholds(*table, seed=5))


@pytest.mark.parametrize("n", [1, 3, 5])
def test_a_few_rows_are_enough_to_give_something(n):
    thresholds = fit_thresholds(np.full((n, 2), 0.4), np.ones((n, 2), dtype=bool), seed=0)
    assert ((thresholds > 0) & (thresholds <= 1)).all()
