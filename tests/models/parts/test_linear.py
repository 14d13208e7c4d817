"""Linear heads, beside the scikit-learn models they are fitted by and the runtime that runs them."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from smallcraft.bundle.encoded import Dense, Sparse
from smallcraft.models.parts.linear import (
    design_matrix,
    fit_logistic,
    fit_margin,
    linear_logits,
    make_linear_head,
)

seeds = st.integers(0, 2**32 - 1)
FITS = [fit_margin, fit_logistic]


def sparse(matrix) -> Sparse:
    rows = sp.csr_matrix(matrix)
    return Sparse(
        rows.indptr.astype(np.int64),
        rows.indices.astype(np.int64),
        rows.data.astype(np.float32),
        rows.shape[1],
    )


def problem(seed: int, k: int, n: int = 120):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, 6)).astype(np.float32)
    labels = np.argmax(values[:, :k] + rng.normal(0, 0.5, (n, k)), axis=1)
    return values.astype(np.float64), labels


@given(seeds, st.lists(st.integers(0, 5), min_size=1, max_size=3))
def test_the_design_matrix_is_blocks_side_by_side_and_parts_below_each_other(seed, heights):
    rng = np.random.default_rng(seed)
    one = [rng.normal(size=(height, 4)) * (rng.random((height, 4)) < 0.5) for height in heights]
    two = [rng.normal(size=(height, 3)).astype(np.float32) for height in heights]
    wanted = np.hstack([np.vstack(one), np.vstack(two)])
    mixed = design_matrix([[sparse(part) for part in one], [Dense(part) for part in two]])
    assert sp.issparse(mixed)
    assert np.allclose(mixed.toarray(), wanted, atol=1e-6)
    dense = design_matrix([[Dense(part) for part in two], [Dense(part) for part in two]])
    assert isinstance(dense, np.ndarray)
    assert np.array_equal(dense, np.hstack([np.vstack(two)] * 2))


@pytest.mark.parametrize("k", [3, 4])
def test_logits_are_the_models_own_scores(k):
    values, labels = problem(1, k)
    for fit, model in (
        (fit_margin, LinearSVC(C=1.0, random_state=5, max_iter=150)),
        (fit_logistic, LogisticRegression(C=2.0, max_iter=150)),
    ):
        model.fit(values, labels)
        logits = linear_logits(values, fit(values, labels, k, 5))
        assert np.allclose(logits, model.decision_function(values), atol=1e-6)


@pytest.mark.parametrize("fit", FITS)
def test_two_classes_get_opposite_logits_in_the_models_order(fit):
    values, labels = problem(2, 2)
    logits = linear_logits(values, fit(values, labels, 2, 5))
    assert np.allclose(logits[:, 0], -logits[:, 1])
    assert np.mean(logits.argmax(axis=1) == labels) > 0.8


@settings(max_examples=10)
@given(st.integers(0, 99), st.sampled_from(FITS), st.sets(st.integers(0, 5), min_size=1, max_size=4))
def test_a_class_without_rows_gets_a_logit_below_every_other(seed, fit, present):
    values, labels = problem(seed, len(present))
    codes = np.array(sorted(present))[labels]
    logits = linear_logits(values, fit(values, codes, 6, 5))
    seen = np.unique(codes)
    absent = np.setdiff1d(np.arange(6), seen)
    assert logits[:, absent].max(initial=-np.inf) < logits[:, seen].min()
    if len(seen) > 1:
        assert np.mean(logits.argmax(axis=1) == codes) > 0.6


@pytest.mark.parametrize("fit", FITS)
def test_the_same_rows_and_seed_give_the_same_weights(fit):
    values, labels = problem(3, 3)
    rows = sp.csr_matrix(values)
    for matrix in (values, rows):
        assert np.array_equal(fit(matrix, labels, 3, 5), fit(matrix.copy(), labels, 3, 5))


@pytest.mark.parametrize("fit", FITS)
def test_a_fit_that_runs_out_of_iterations_is_no_fault(fit, monkeypatch):
    monkeypatch.setattr("smallcraft.models.parts.linear.MOST_ITERATIONS", 1)
    values, labels = problem(4, 3)
    assert np.isfinite(fit(values * 100, labels, 3, 5)).all()


@given(seeds, st.integers(2, 5))
def test_the_head_gives_the_logits_of_the_weights(seed, k):
    rng = np.random.default_rng(seed)
    one = rng.normal(size=(8, 5)) * (rng.random((8, 5)) < 0.5)
    two = rng.normal(size=(8, 3)).astype(np.float32)
    weights = rng.normal(size=(9, k))
    blocks = [sparse(one), Dense(two)]
    wanted = linear_logits(design_matrix([[block] for block in blocks]), weights)
    head = make_linear_head(weights, [(5, True), (3, False)])
    assert [part.values.dtype for part in head.parts] == [np.int8, np.float32]
    # Half a step of 1/127 of the largest weight for each entry of the sparse block.
    bound = np.abs(one).sum(axis=1).max() * np.abs(weights[:5]).max() / 127 / 2 + 1e-4
    assert np.abs(head.logits(blocks, 8) - wanted).max() <= bound
    exact = make_linear_head(weights, [(5, False), (3, False)])
    dense = [Dense(one.astype(np.float32)), Dense(two)]
    assert np.allclose(exact.logits(dense, 8), wanted, atol=1e-4)
