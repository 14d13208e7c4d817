"""Measures numbers on one split: every score, and the errors of each value of the group columns.

Always: every declared slice appears; the errors of a slice are those of its rows alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.measuring.slices import slice_rows
from smallcraft.evaluate.values.scores import SCORES
from smallcraft.records import Measurement, ValuePredictions

_IN_SLICES = ("mae", "rmse")


def evaluate_values(
    predictions: ValuePredictions,
    *,
    split: str,
    confidence: float = 0.95,
    seed: int = 0,  # noqa: ARG001 - nothing is drawn; every task is evaluated by one call
    groups: Mapping[str, Sequence[str | None]] | None = None,
) -> tuple[Measurement, ...]:
    """Everything measured about predictions on one split.

    Args:
        predictions: At least one row.
        split: Its name, written into each measurement.
        confidence: Coverage of each interval.
        seed: Not needed.
        groups: Column name to its value for each row; each value becomes a slice `column=value`.

    Returns:
        Scores over all rows; mean absolute and root mean square error of slices.

    Raises:
        InvalidInputError: No rows, or an answer that is no finite number.
    """
    if not len(predictions.truth):
        raise InvalidInputError("an evaluation needs at least one row, got none; check the split sizes")
    if not np.all(np.isfinite(predictions.predicted)):
        raise InvalidInputError(
            "answers must be finite, got NaN or infinity; look at the candidate's outputs"
        )
    measured = [score.measure(predictions, confidence) for score in SCORES.values()]
    if groups:
        slicing = slice_rows(groups, {}, rows=len(predictions.truth), missing="(missing)")
        for number in np.flatnonzero(~slicing.is_pair):
            inside = rows_of(predictions, slicing.rows(int(number)))
            measured += [
                dataclasses.replace(SCORES[name].measure(inside, confidence), slice=slicing.names[number])
                for name in _IN_SLICES
            ]
    return tuple(dataclasses.replace(measurement, split=split) for measurement in measured)


def rows_of(predictions: ValuePredictions, kept: NDArray[np.bool_]) -> ValuePredictions:
    """The answers on some of the rows."""

    def of(values: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
        return None if values is None else values[kept]

    clusters = predictions.clusters
    return dataclasses.replace(
        predictions,
        truth=predictions.truth[kept],
        predicted=predictions.predicted[kept],
        low=of(predictions.low),
        high=of(predictions.high),
        clusters=None if clusters is None else clusters[kept],
    )
