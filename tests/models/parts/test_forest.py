"""Boosters of several labels, and of a number, become one graph that answers as they do."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from smallcraft.models.parts.forest import FORESTS, Rows, find_rounds


def rows(task: str, n: int = 400, seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, 3)).astype(np.float32)
    values[rng.random(n) < 0.1, 1] = np.nan
    score = values[:, 0] + np.nan_to_num(values[:, 1]) ** 2
    labels = {
        "multiclass": np.digitize(score, [0.0, 1.0]),
        "multilabel": np.stack([score > 0.3, values[:, 2] > 0, np.zeros(n)], axis=1).astype(np.int64),
        "regression": 40 + 3 * score + rng.normal(size=n),
    }
    return Rows(values, labels[task])


@pytest.mark.parametrize("task", FORESTS)
def test_the_graph_answers_as_the_boosters_do(task):
    forest, data = FORESTS[task], rows(task)
    k = 1 if task == "regression" else 3
    rounds = find_rounds(forest, data, rows(task, seed=1), k, seed=0)
    assert (rounds >= 1).all()
    boosters = forest.fit(data, k, 0, rounds.tolist(), None)
    expected = forest.logits(boosters, data.values, k)
    session = onnxruntime.InferenceSession(forest.to_onnx(boosters, k), providers=["CPUExecutionProvider"])
    found = session.run(None, {"columns": data.values})[0]
    assert expected.shape == (400, k)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_a_number_is_learned_in_its_own_unit_and_labels_each_for_itself():
    data, fresh = rows("regression"), rows("regression", seed=2)
    boosters = FORESTS["regression"].fit(data, 1, 0, [60], None)
    found = FORESTS["regression"].logits(boosters, fresh.values, 1)[:, 0]
    assert np.abs(found - fresh.labels).mean() < 0.5 * np.abs(fresh.labels - fresh.labels.mean()).mean()
    tags, asked = rows("multilabel"), rows("multilabel", seed=2)
    logits = FORESTS["multilabel"].logits(
        FORESTS["multilabel"].fit(tags, 3, 0, [40, 40, 40], None), asked.values, 3
    )
    assert ((logits[:, :2] > 0) == asked.labels[:, :2]).mean() > 0.9
    assert (logits[:, 2] < -5).all()
