"""A calibrator is kept where it is shown to help, and what is fitted is the best of its kind."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad, minimize
from scipy.special import softmax
from sklearn.isotonic import IsotonicRegression

from smallcraft.models import calibrators
from smallcraft.models.calibrators import FITS, choose_calibrator, fit_isotonic, fit_vector

seeds = st.integers(0, 2**32 - 1)


def drawn(rng, probs):
    return (probs.cumsum(axis=1) < rng.random((len(probs), 1))).sum(axis=1)


def bent(probs):
    """Another probability, in the same order: no temperature makes it right."""
    return np.where(probs < 0.5, 2 * probs**2, 1 - 2 * (1 - probs) ** 2)


def two_columns(right):
    return np.stack([1 - right, right], axis=1)


def loss(probs, labels):
    return -np.log(probs[np.arange(len(labels)), labels]).mean()


def test_calibrated_probabilities_are_left_alone():
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(3), 600)
    labels = drawn(rng, probs)
    found = choose_calibrator(probs, labels, np.arange(600) % 5, confidence=0.95)
    assert found.calibrator is None
    assert np.array_equal(found.probs, probs)


def test_a_class_that_is_told_too_often_is_corrected():
    rng = np.random.default_rng(1)
    true = rng.dirichlet(np.ones(3), 1500)
    labels = drawn(rng, true)
    told = true * [1.0, 6.0, 0.4]
    told /= told.sum(axis=1, keepdims=True)
    found = choose_calibrator(told, labels, np.arange(1500) % 5, confidence=0.95)
    assert found.calibrator.name == "vector"
    assert loss(found.probs, labels) < loss(told, labels) - 0.1
    assert np.abs(found.calibrator.apply(told) - true).mean() < 0.03


def test_a_bend_that_two_numbers_a_class_cannot_undo_is_corrected_by_a_rising_map():
    rng = np.random.default_rng(2)
    true = rng.random(4000)
    labels = (rng.random(4000) < true).astype(np.int64)
    # Flat in the middle: what the model tells there is all the same.
    told = two_columns(0.5 + 0.5 * np.sign(true - 0.5) * np.abs(2 * true - 1) ** 6 * 0.99)
    found = choose_calibrator(told, labels, np.arange(4000) % 5, confidence=0.95)
    assert found.calibrator.name == "isotonic"
    assert np.abs(found.calibrator.apply(told)[:, 1] - true).mean() < 0.05


def test_the_probabilities_handed_on_are_those_of_the_other_folds():
    rng = np.random.default_rng(1)
    true = rng.dirichlet(np.ones(3), 500)
    labels, folds = drawn(rng, true), np.arange(500) % 5
    told = true * [1.0, 6.0, 0.4]
    told /= told.sum(axis=1, keepdims=True)
    found = choose_calibrator(told, labels, folds, confidence=0.95)
    fit = FITS[found.calibrator.name]
    for fold in range(5):
        held = folds == fold
        assert np.array_equal(found.probs[held], fit(told[~held], labels[~held]).apply(told[held]))


def test_one_fold_alone_cannot_show_that_anything_helps():
    probs = np.random.default_rng(3).dirichlet(np.ones(3), 60)
    found = choose_calibrator(
        probs, np.zeros(60, dtype=np.int64), np.zeros(60, dtype=np.int64), confidence=0.9
    )
    assert found.calibrator is None


def test_a_lower_loss_does_not_buy_a_lost_right_answer(monkeypatch):
    """A calibrator that is right about probabilities in the mean, and wrong about the best label of a row."""
    probs = two_columns(np.r_[np.full(90, 0.95), np.full(10, 0.55)])
    labels = np.r_[np.ones(60, dtype=np.int64), np.zeros(30, dtype=np.int64), np.ones(10, dtype=np.int64)]

    class Swapped:
        name = "swapped"

        def apply(self, given):
            return np.where(given[:, 1:] == 0.55, [[0.51, 0.49]], [[1 / 3, 2 / 3]])

    monkeypatch.setattr(calibrators, "FITS", {"swapped": lambda probs, labels: Swapped()})
    assert loss(Swapped().apply(probs), labels) < loss(probs, labels)
    assert choose_calibrator(probs, labels, np.arange(100) % 5, confidence=0.95).calibrator is None


def test_the_slope_that_vector_scaling_descends_is_that_of_its_loss(monkeypatch):
    rng = np.random.default_rng(4)
    probs, labels = rng.dirichlet(np.ones(3), 40), rng.integers(3, size=40)
    seen = []

    def watched(loss, start, **options):
        seen.append(loss)
        return minimize(loss, start, **options)

    monkeypatch.setattr(calibrators, "minimize", watched)
    fit_vector(probs, labels)
    for point in (np.ones(6), rng.normal(size=6)):
        assert check_grad(lambda line: seen[0](line)[0], lambda line: seen[0](line)[1], point) < 1e-5


def test_known_weights_and_biases_are_found():
    rng = np.random.default_rng(5)
    told = softmax(rng.normal(0, 2, (6000, 3)), axis=1)
    weights, biases = np.array([1.0, 1.6, 0.5]), np.array([0.0, 0.5, -0.5])
    found = fit_vector(told, drawn(rng, softmax(np.log(told) * weights + biases, axis=1)))
    assert np.allclose(found.weights, weights, atol=0.15)
    # One number added to every bias changes nothing.
    assert np.allclose(np.array(found.biases) - found.biases[0], biases, atol=0.25)


@settings(max_examples=30, deadline=None)
@given(seeds, st.sampled_from([7, 40]), st.sampled_from([3, 1000]))
def test_the_rising_map_is_that_of_scikit_learn(seed, n, steps):
    rng = np.random.default_rng(seed)
    column = np.round(rng.random(n) * steps) / steps
    labels = (rng.random(n) < bent(column)).astype(np.int64)
    found = fit_isotonic(two_columns(column), labels)
    oracle = IsotonicRegression(out_of_bounds="clip").fit(column, labels)
    mine = np.interp(column, found.knots[1], found.values[1])
    assert np.allclose(mine, np.clip(oracle.predict(column), 1 / (n + 1), 1), atol=1e-9)


@pytest.mark.parametrize("fit", FITS.values(), ids=FITS)
def test_a_class_that_no_row_has_stays_possible(fit):
    probs = np.random.default_rng(6).dirichlet(np.ones(3), 80)
    found = fit(probs, np.arange(80) % 2).apply(probs)
    assert (found > 0).all()
    assert found[:, 2].mean() < 0.1
