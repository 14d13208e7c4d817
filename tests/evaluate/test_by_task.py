"""Whoever holds predictions measures them without knowing their task."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.by_task import (
    BY_TASK,
    evaluate_any,
    is_better_higher,
    measure_score,
    range_of,
    task_of,
)
from smallcraft.evaluate.choice.paired import DECIDING_BY_TASK
from smallcraft.records import Predictions, TagPredictions, ValuePredictions

TRUTH = np.array([0, 1, 1, 0])
KINDS = {
    "multiclass": Predictions(("a", "b"), TRUTH, np.eye(2)[TRUTH]),
    "multilabel": TagPredictions(("a", "b"), np.eye(2)[TRUTH] > 0, np.eye(2)[TRUTH], np.eye(2)[TRUTH] > 0),
    "regression": ValuePredictions(("hours",), TRUTH * 2.0, TRUTH * 2.0 + 0.5),
}


@pytest.mark.parametrize("task", BY_TASK)
def test_each_task_has_its_scores_and_decides_by_some_of_them(task):
    predictions, scores = KINDS[task], BY_TASK[task]
    assert task_of(predictions) == task
    measured = {
        m.name for m in evaluate_any(predictions, split="dev", confidence=0.95, seed=0) if m.slice == "all"
    }
    assert measured == set(scores.names)
    assert set(DECIDING_BY_TASK[task]) <= measured
    assert {scores.default_metric, scores.beside_metric} <= measured
    found = measure_score(predictions, scores.default_metric, confidence=0.95, seed=0)
    bounds = range_of(scores.default_metric)
    assert found.value is not None
    assert scores.default_metric in scores.unbounded or bounds.low <= found.value <= bounds.high


def test_errors_are_better_low_and_a_score_of_another_task_is_refused():
    assert not is_better_higher("regression", "mae")
    assert is_better_higher("regression", "r2")
    assert is_better_higher("multilabel", "micro_f1")
    with pytest.raises(InvalidInputError, match="the scores of this task are mae"):
        measure_score(KINDS["regression"], "accuracy", confidence=0.95, seed=0)
