"""Measures several labels a row on one split: every score, each label, each value of the group columns.

Always: every label and every declared slice appears; one without rows is a measurement without a value.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.measuring.estimates import measure_hits
from smallcraft.evaluate.measuring.slices import slice_rows
from smallcraft.evaluate.tags.scores import SCORES
from smallcraft.records import Measurement, TagPredictions

_IN_SLICES = ("micro_f1", "subset_accuracy")


def evaluate_tags(
    predictions: TagPredictions,
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
        Scores over all rows; recall, precision and F1 of each label; micro-F1 and subset accuracy of slices.

    Raises:
        InvalidInputError: No rows.
    """
    if not len(predictions.truth):
        raise InvalidInputError("an evaluation needs at least one row, got none; check the split sizes")
    measured = [score.measure(predictions, confidence) for score in SCORES.values()]
    measured += _measure_labels(predictions, confidence)
    if groups:
        rows = len(predictions.truth)
        slicing = slice_rows(groups, {}, rows=rows, missing="(missing)")
        for number in np.flatnonzero(~slicing.is_pair):
            inside = rows_of(predictions, slicing.rows(int(number)))
            measured += [
                dataclasses.replace(SCORES[name].measure(inside, confidence), slice=slicing.names[number])
                for name in _IN_SLICES
            ]
    return tuple(dataclasses.replace(measurement, split=split) for measurement in measured)


def rows_of(predictions: TagPredictions, kept: NDArray[np.bool_]) -> TagPredictions:
    """The answers on some of the rows."""
    clusters = predictions.clusters
    return dataclasses.replace(
        predictions,
        truth=predictions.truth[kept],
        probs=predictions.probs[kept],
        predicted=predictions.predicted[kept],
        clusters=None if clusters is None else clusters[kept],
    )


def _measure_labels(predictions: TagPredictions, confidence: float) -> list[Measurement]:
    found = []
    for code, name in enumerate(predictions.classes):
        is_true, is_called = predictions.truth[:, code], predictions.predicted[:, code]
        domains = {
            "recall": (is_true, "no row of the split has this label"),
            "precision": (is_called, "this label was never given"),
            "f1": (is_true | is_called, "no row of the split has this label, and none was given it"),
        }
        for score, (domain, empty) in domains.items():
            kept = None if predictions.clusters is None else predictions.clusters[domain]
            share = measure_hits(
                score, (is_true & is_called)[domain], kept, confidence=confidence, empty=empty
            )
            share = dataclasses.replace(share, slice=f"class={name}")
            found.append(_f1_from_share(share) if score == "f1" else share)
    return found


def _f1_from_share(share: Measurement) -> Measurement:
    """F1 grows with right / (right + missed + wrongly given); its bounds are that share's, carried over."""
    if share.value is None or share.low is None or share.high is None:
        return share
    value, low, high = (2 * part / (1 + part) for part in (share.value, share.low, share.high))
    return dataclasses.replace(share, value=value, low=low, high=high, hits=None, trials=None)
