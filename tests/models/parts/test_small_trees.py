"""Small trees under a teacher: what they are taught, and a graph that says what the boosters say."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from smallcraft.models.parts.small_trees import (
    fit_small_trees,
    labelled_rows,
    leaves_allowed,
    mixed_rows,
    small_tree_logits,
    small_trees_to_onnx,
)

RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=(400, 4)).astype(np.float32)
CODES = (VALUES[:, 0] + 0.3 * RNG.normal(size=400) > 0).astype(np.int64) + (VALUES[:, 1] > 1)
HELD = np.arange(400) % 4 == 0
TAGS = np.stack([VALUES[:, 0] > 0, VALUES[:, 1] > 0.5], axis=1).astype(np.int64)
CASES = {
    "two classes": ("multiclass", np.minimum(CODES, 1), 2),
    "three classes": ("multiclass", CODES, 3),
    "labels": ("multilabel", TAGS, 2),
    "a number": ("regression", 3.0 * VALUES[:, 2].astype(np.float64) + 10, 1),
}


COLUMNS = [slice(0, 1), slice(1, 2), slice(2, 4)]


def teach(task, k):
    """A teacher that knows the law the labels follow."""

    def ask(values):
        if task == "regression":
            return 3.0 * values[:, 2:3].astype(np.float64) + 10
        if task == "multilabel":
            return 6.0 * np.stack([values[:, 0], values[:, 1] - 0.5], axis=1).astype(np.float64)
        codes = np.minimum((values[:, 0] > 0).astype(int) + (values[:, 1] > 1), k - 1)
        return 6.0 * np.eye(k)[codes]

    return ask


def fit(case, seed=0, most=2000):
    task, labels, k = CASES[case]
    near = mixed_rows(task, VALUES, teach(task, k), columns=COLUMNS, seed=seed)
    return fit_small_trees(
        labelled_rows(task, VALUES, labels, k), near, task, seed, held=HELD, most_leaves=most
    )


@pytest.mark.parametrize("case", CASES)
def test_the_graph_says_what_the_boosters_say_and_they_learnt_the_task(case):
    task, labels, k = CASES[case]
    boosters = fit(case)
    logits = small_tree_logits(boosters, VALUES, k)
    session = onnxruntime.InferenceSession(small_trees_to_onnx(boosters, k))
    (scores,) = session.run(None, {"columns": VALUES})
    assert scores.shape == (400, k)
    assert np.allclose(scores, logits, atol=1e-4)
    if task == "multiclass":
        assert np.mean(np.argmax(logits, axis=1) == labels) > 0.85
    elif task == "multilabel":
        assert np.mean((logits > 0) == (labels > 0)) > 0.9
    else:
        assert np.abs(logits[:, 0] - labels).mean() < 0.5


def test_a_mixed_row_has_its_rows_values_but_in_a_few_columns_and_the_teachers_word():
    found = mixed_rows("multiclass", VALUES, teach("multiclass", 2), columns=COLUMNS, seed=0)
    moved = found.values != VALUES
    assert 0.06 < moved[:, 0].mean() < 0.14
    assert (moved[:, 2] == moved[:, 3]).all(), "columns of one category move together"
    assert set(found.values[:, 0].tolist()) <= set(VALUES[:, 0].tolist())
    told = 1 / (1 + np.exp(-6.0))
    sure = np.where(teach("multiclass", 2)(found.values)[:, 1] > 0, told, 1 - told)
    assert np.allclose(found.targets[:, 1], sure)
    assert np.allclose(found.targets.sum(axis=1), 1)


def test_rows_that_people_labelled_keep_their_labels():
    assert labelled_rows("multiclass", VALUES[:2], np.array([1, 0]), 2).targets.tolist() == [[0, 1], [1, 0]]
    assert labelled_rows("multilabel", VALUES[:1], np.array([[1, 0]]), 2).targets.tolist() == [[1.0, 0.0]]
    assert labelled_rows("regression", VALUES[:1], np.array([2.5]), 1).targets.tolist() == [[2.5]]


def test_the_same_seed_gives_the_same_graph_and_another_one_another():
    one, two, other = (small_trees_to_onnx(fit("two classes", seed), 2) for seed in (5, 5, 6))
    assert one == two != other


@pytest.mark.parametrize("case", CASES)
def test_no_more_leaves_than_allowed_and_at_least_a_tree_an_output(case):
    k = CASES[case][2]
    for most in (1, 200):
        leaves = leaves_allowed(small_trees_to_onnx(fit(case, most=most), k)) / 0.4
        assert 0 < leaves <= max(most, 16 * k) + 3
