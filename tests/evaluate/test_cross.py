"""Laws of the train x test matrix."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.cross import LabelledRows, cross_matrix
from smallcraft.evaluate.scores.ece import Ece
from smallcraft.records import Measurement, Predictions
from smallcraft.stats.intervals import newcombe_interval

CLASSES = ("bad", "good")


def saying(column: str, confidence: float = 0.75):
    """A model that reads one column."""

    def answer(rows):
        said = np.asarray(rows[column])
        probs = np.full((len(said), 2), 1 - confidence)
        probs[np.arange(len(said)), said] = confidence
        return probs

    return answer


def dataset(n: int, right_a: int, right_b: int) -> LabelledRows:
    """Rows where model a is right so often, and model b so often."""
    truth = np.arange(n) % 2
    return LabelledRows(
        {
            "a": np.where(np.arange(n) < right_a, truth, 1 - truth).tolist(),
            "b": np.where(np.arange(n) < right_b, truth, 1 - truth).tolist(),
        },
        truth.astype(np.int64),
    )


DATASETS = {"a": dataset(200, 180, 120), "b": dataset(100, 60, 90), "c": dataset(50, 25, 40)}
MATRIX = cross_matrix({"a": saying("a"), "b": saying("b", 0.9)}, DATASETS, CLASSES, seed=0)


def find(name: str, model: str, test: str, matrix=MATRIX) -> Measurement:
    (found,) = [m for m in matrix if (m.name, m.slice) == (name, f"train={model} & test={test}")]
    return found


@pytest.mark.parametrize(
    ("model", "test", "right", "n"),
    [
        *[("a", "a", 180, 200), ("a", "b", 60, 100), ("a", "c", 25, 50)],
        *[("b", "a", 120, 200), ("b", "b", 90, 100), ("b", "c", 40, 50)],
    ],
)
def test_every_model_is_counted_on_every_test(model, test, right, n):
    found = find("accuracy", model, test)
    assert (found.hits, found.trials, found.n) == (right, n, n)
    gap = find("confidence_gap", model, test)
    assert gap.value == pytest.approx({"a": 0.75, "b": 0.9}[model] - right / n)
    assert gap.low < gap.value < gap.high


def test_the_drop_is_the_own_test_minus_this_one():
    found = find("accuracy_drop", "a", "b")
    assert (found.hits, found.trials, found.rest_hits, found.rest_trials) == (180, 200, 60, 100)
    shown = newcombe_interval(180, 200, 60, 100)
    assert (found.value, found.low, found.high) == (pytest.approx(0.3), shown.low, shown.high)
    assert find("confidence_gap_change", "a", "b").value == pytest.approx(0.3)


def test_the_own_test_has_no_drop():
    found = find("accuracy_drop", "b", "b")
    assert found.value is None
    assert "own test" in found.detail


def test_a_model_without_a_test_of_its_own_has_no_drop_and_says_so():
    matrix = cross_matrix({"z": saying("a")}, DATASETS, CLASSES, seed=0)
    found = find("accuracy_drop", "z", "a", matrix)
    assert found.value is None
    assert "give one under the model's name" in found.detail


def test_calibration_error_is_that_of_the_score():
    answers = saying("a")(DATASETS["b"].rows)
    score = Ece().measure(Predictions(CLASSES, DATASETS["b"].truth, answers), confidence=0.95, seed=0)
    found = find("ece", "a", "b")
    assert (found.value, found.low, found.high) == (score.value, score.low, score.high)


@pytest.mark.parametrize(
    ("rows", "truth"), [({"a": [0, 1]}, np.array([0])), ({"a": []}, np.array([], dtype=np.int64))]
)
def test_rows_without_a_truth_each_are_refused(rows, truth):
    with pytest.raises(InvalidInputError, match="'t' needs a truth for each row and a row at least"):
        cross_matrix({"m": saying("a")}, {"t": LabelledRows(rows, truth)}, CLASSES, seed=0)


def test_answers_for_other_classes_are_refused():
    with pytest.raises(InvalidInputError, match="a on a: answers must be one row for each of 200 rows"):
        cross_matrix({"a": saying("a")}, DATASETS, ("bad", "so so", "good"), seed=0)
