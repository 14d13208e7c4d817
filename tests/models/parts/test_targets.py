"""Heads and decoders of several labels and of numbers: as good as the reference, calibrated out of fold."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression, Ridge

from smallcraft.models.parts.linear import fit_logistic, fit_margin, linear_logits
from smallcraft.models.parts.targets import TASKS, fit_label_scales, fit_ridge, head_of


def rows(n: int = 300, width: int = 6, k: int = 3, seed: int = 0):
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(n, width))
    weights = rng.normal(size=(width, k))
    return matrix, (matrix @ weights + rng.logistic(size=(n, k)) > 0.7).astype(np.int64)


def test_each_label_has_the_logit_of_a_head_of_its_own():
    matrix, labels = rows()
    weights = head_of("multilabel", fit_logistic)(matrix, labels, 3, 0)
    logits = linear_logits(matrix, weights)
    for label in range(3):
        alone = LogisticRegression(C=2.0, max_iter=150, random_state=0).fit(matrix, labels[:, label])
        np.testing.assert_allclose(logits[:, label], alone.decision_function(matrix), rtol=1e-5, atol=1e-6)


def test_a_label_that_every_row_or_none_has_is_answered_so():
    matrix, labels = rows()
    labels[:, 0], labels[:, 1] = 0, 1
    logits = linear_logits(matrix, head_of("multilabel", fit_margin)(matrix, labels, 3, 0))
    assert (logits[:, 0] < -10).all()
    assert (logits[:, 1] > 10).all()


@pytest.mark.parametrize("as_matrix", [np.asarray, sp.csr_matrix])
def test_ridge_answers_in_the_unit_of_the_target_and_equals_scikit_learns(as_matrix):
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(200, 5))
    values = 1000 + 40 * matrix[:, 0] + rng.normal(size=200)
    weights = head_of("regression", fit_logistic)(as_matrix(matrix), values, 1, 0)
    expected = Ridge(alpha=1.0).fit(matrix, values).predict(matrix)  # a strong signal wants the least penalty
    np.testing.assert_allclose(linear_logits(as_matrix(matrix), weights)[:, 0], expected, rtol=1e-5)
    flat = fit_ridge(as_matrix(matrix), np.full(200, 7.0), 1, 0)
    np.testing.assert_allclose(linear_logits(as_matrix(matrix), flat), 7.0)


def test_the_penalty_grows_where_columns_say_nothing():
    rng = np.random.default_rng(3)
    matrix, values = rng.normal(size=(150, 100)), rng.normal(size=150)
    weights = fit_ridge(matrix, values, 1, 0)
    least = Ridge(alpha=1.0).fit(matrix, values)
    assert np.linalg.norm(weights[:-1]) < 0.5 * np.linalg.norm(least.coef_)


def test_a_scale_a_label_makes_probabilities_of_logits_of_any_scale():
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(4000, 2))
    labels = (rng.random((4000, 2)) < 1 / (1 + np.exp(-(1.5 * logits - 1.0)))).astype(np.int64)
    scales, shifts = fit_label_scales(logits, labels)
    np.testing.assert_allclose(scales, 1.5, atol=0.15)
    np.testing.assert_allclose(shifts, -1.0, atol=0.15)
    small, moved = fit_label_scales(logits / 50, labels)
    np.testing.assert_allclose(small, 50 * scales, rtol=0.02)
    np.testing.assert_allclose(moved, shifts, atol=0.02)


def test_logits_that_say_nothing_become_the_share_of_rows():
    labels = np.zeros((500, 1), dtype=np.int64)
    labels[:50] = 1
    scales, shifts = fit_label_scales(np.zeros((500, 1)), labels)
    assert scales[0] > 0
    assert 1 / (1 + np.exp(-shifts[0])) == pytest.approx(0.1, abs=0.01)


def test_the_constant_answer_is_the_share_the_odds_or_the_mean():
    np.testing.assert_allclose(np.exp(TASKS["multiclass"].constant(np.array([0, 0, 1]), 2)), [0.6, 0.4])
    odds = TASKS["multilabel"].constant(np.array([[1, 0], [1, 0]]), 2)
    np.testing.assert_allclose(odds, [np.log(3), -np.log(3)])
    assert TASKS["regression"].constant(np.array([1.0, 4.0]), 1).tolist() == [2.5]
