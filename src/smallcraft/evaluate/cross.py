"""Several models on several data sets: a train x test matrix of accuracy and calibration, with intervals.

For each pair `train=<model> & test=<data set>`: `accuracy`, `confidence_gap` (mean confidence of the
predicted class minus accuracy; above 0 is too sure of itself), `ece`, `accuracy_drop`, the accuracy on the
model's own test minus that on this one, and `confidence_gap_change`, this one's gap minus the own test's.
Always: a model's own test is the data set of its name; without one a drop is not measured and says so.
Left to others: training the models and cutting their own tests off their train rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.audits.audit import Answer
from smallcraft.evaluate.columns import Columns, count_rows
from smallcraft.evaluate.measuring.estimates import (
    Averaged,
    Counted,
    Place,
    average_gaps,
    count_share,
    measure_gap,
    measure_mean,
    measure_mean_gap,
    measure_share,
    unmeasured,
)
from smallcraft.evaluate.scores.ece import Ece
from smallcraft.records import Measurement, Predictions


@dataclass(frozen=True)
class LabelledRows:
    """A test set.

    Attributes:
        rows: Input columns of `n` rows, n at least 1.
        truth: `(n,)` int64 codes into the models' classes, -1 for a label that is none of them.
    """

    rows: Columns
    truth: NDArray[np.int64]


def cross_matrix(
    answers: Mapping[str, Answer],
    datasets: Mapping[str, LabelledRows],
    classes: Sequence[str],
    *,
    confidence: float = 0.95,
    seed: int,
) -> tuple[Measurement, ...]:
    """Every model asked about every data set.

    Args:
        answers: Name of what a model was trained on, to the model.
        datasets: Name to test set; the models' own tests under the models' names.
        classes: What the columns of the models' answers are.
        confidence: Coverage of each interval.
        seed: For the interval of the calibration error, which is drawn.

    Returns:
        Model by model, data set by data set: `accuracy`, `confidence_gap`, `ece`, `accuracy_drop`,
        `confidence_gap_change`.

    Raises:
        InvalidInputError: Rows and truth of another length, no rows, or answers of another shape.
    """
    for name, dataset in datasets.items():
        _require_rows(name, dataset)
    found: list[Measurement] = []
    for model, answer in answers.items():
        asked = {
            name: _ask(answer, dataset, classes, where=f"{model} on {name}")
            for name, dataset in datasets.items()
        }
        own = asked.get(model)
        for name, predictions in asked.items():
            place = Place(f"train={model} & test={name}", None, confidence)
            found += _measure_pair(predictions, place, seed=seed)
            found += _compare(own, predictions, place)
    return tuple(found)


def _measure_pair(predictions: Predictions, place: Place, *, seed: int) -> Iterator[Measurement]:
    yield measure_share("accuracy", _right(predictions, place), place)
    yield measure_mean("confidence_gap", _gap(predictions), place)
    error = Ece().measure(predictions, confidence=place.confidence, seed=seed)
    yield dataclasses.replace(error, slice=place.slice, level=place.confidence)


def _compare(own: Predictions | None, predictions: Predictions, place: Place) -> Iterator[Measurement]:
    """This test beside the model's own one."""
    if own is None or own is predictions:
        why = "this is the model's own test"
        if own is None:
            why = "the model has no test of its own; give one under the model's name"
        for name in ("accuracy_drop", "confidence_gap_change"):
            yield unmeasured(name, place, why, n=len(predictions.truth))
        return
    yield measure_gap("accuracy_drop", _right(own, place), _right(predictions, place), place)
    yield measure_mean_gap("confidence_gap_change", _gap(predictions), _gap(own), place)


def _right(predictions: Predictions, place: Place) -> Counted:
    return count_share(predictions.truth == predictions.predicted, confidence=place.confidence)


def _gap(predictions: Predictions) -> Averaged:
    return average_gaps(predictions.probs.max(axis=1), predictions.truth == predictions.predicted)


def _ask(answer: Answer, dataset: LabelledRows, classes: Sequence[str], *, where: str) -> Predictions:
    probs = np.asarray(answer(dataset.rows), dtype=np.float64)
    if probs.shape != (len(dataset.truth), len(classes)):
        raise InvalidInputError(
            f"{where}: answers must be one row for each of {len(dataset.truth)} rows and one column for each "
            f"of {len(classes)} classes, got shape {probs.shape}; give all models the same classes"
        )
    return Predictions(tuple(classes), dataset.truth, probs)


def _require_rows(name: str, dataset: LabelledRows) -> None:
    rows = count_rows(dataset.rows)
    if rows == 0 or rows != len(dataset.truth):
        raise InvalidInputError(
            f"data set '{name}' needs a truth for each row and a row at least, got {rows} rows and "
            f"{len(dataset.truth)} truths; take both from the same file"
        )
