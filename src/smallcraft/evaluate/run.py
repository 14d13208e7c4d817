"""Measures predictions on one split: scores over all rows, then each class, group and named slice.

Always: every class and every declared slice appears; an empty one is a measurement without a value, with the
reason. Shares have exact intervals; a bootstrap is never surer than the exact bound of the error rate allows.
Left to others: which slices there are (`evaluate.measuring.slices`), what a number means for a release
(`smallcraft.gates`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from smallcraft.contracts import Score
from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.measuring.counted import CountedScore, measure_counted
from smallcraft.evaluate.measuring.estimates import measure_hits
from smallcraft.evaluate.measuring.slices import measure_slices, slice_rows
from smallcraft.evaluate.scores import BUILTIN
from smallcraft.plugins import find_plugin
from smallcraft.records import Interval, Measurement, Predictions
from smallcraft.stats.intervals import require_fraction

MISSING_GROUP = "(missing)"


def evaluate_predictions(
    predictions: Predictions,
    *,
    split: str,
    scores: Sequence[str] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    groups: Mapping[str, Sequence[str | None]] | None = None,
    slices: Mapping[str, NDArray[np.bool_]] | None = None,
) -> tuple[Measurement, ...]:
    """Everything measured about predictions on one split.

    Args:
        predictions: At least one row.
        split: Its name, written into each measurement.
        scores: Names from `evaluate/scores` or installed plug-ins; None for all built-in ones.
        confidence: Coverage of each interval.
        seed: For the intervals that are drawn.
        groups: Column name to its value for each row; each value becomes a slice `column=value`, and each
            pair of values of two columns with at least 30 rows a slice `column=value & other=value`.
        slices: Name to whether each row is in it, `(n,)` bool; they may overlap.

    Returns:
        Scores over all rows; recall, precision and F1 of each class; accuracy, macro-F1 and, of two classes,
        AUROC of each slice.

    Raises:
        InvalidInputError: No rows, an unknown score, or a group column or slice of another length.
    """
    require_fraction(confidence, "confidence")
    _require_rows(predictions, {**(groups or {}), **(slices or {})})
    asked = [find_plugin("scores", name, BUILTIN) for name in (tuple(BUILTIN) if scores is None else scores)]
    measured = _measure_scores(asked, predictions, confidence=confidence, seed=seed)
    measured += measure_classes(predictions, confidence=confidence)
    if groups or slices:
        slicing = slice_rows(groups or {}, slices or {}, rows=len(predictions.truth), missing=MISSING_GROUP)
        measured += measure_slices(predictions, slicing, confidence=confidence, seed=seed)
    return tuple(dataclasses.replace(measurement, split=split) for measurement in measured)


def _measure_scores(
    asked: Sequence[Score], predictions: Predictions, *, confidence: float, seed: int
) -> list[Measurement]:
    """Each score over all rows; those that are counted share one draw."""
    names = [score.name for score in asked if isinstance(score, CountedScore)]
    counted = dict(
        zip(names, measure_counted(names, predictions, confidence=confidence, seed=seed), strict=True)
    )
    return [
        counted[score.name]
        if isinstance(score, CountedScore)
        else score.measure(predictions, confidence=confidence, seed=seed)
        for score in asked
    ]


def measure_classes(predictions: Predictions, *, confidence: float) -> list[Measurement]:
    """Recall, precision and F1 of each class, as slices `class=<name>` with exact intervals.

    F1 is a growing function of right / (right + missed + wrongly called), a share over the rows where the
    class is the truth or the prediction; so its interval is that share's, carried over.
    """
    found: list[Measurement] = []
    truth, predicted = predictions.truth, predictions.predicted
    for code, name in enumerate(predictions.classes):
        is_true, is_called = truth == code, predicted == code
        right = is_true & is_called
        rows = {
            "recall": (is_true, "no row of this class in the split"),
            "precision": (is_called, "this class was never predicted"),
            "f1": (is_true | is_called, "this class is neither in the truth nor predicted"),
        }
        for score, (domain, empty) in rows.items():
            kept = None if predictions.clusters is None else predictions.clusters[domain]
            share = measure_hits(score, right[domain], kept, confidence=confidence, empty=empty)
            share = dataclasses.replace(share, slice=f"class={name}")
            found.append(_f1_from_share(share) if score == "f1" else share)
    return found


def _f1_from_share(share: Measurement) -> Measurement:
    if share.value is None or share.low is None or share.high is None:
        return share
    value, bounds = _f1(share.value), Interval(_f1(share.low), _f1(share.high))
    # F1 itself is no share of rows, so it keeps its level and not the hits.
    return dataclasses.replace(share, value=value, low=bounds.low, high=bounds.high, hits=None, trials=None)


def _f1(overlap: float) -> float:
    return 2 * overlap / (1 + overlap)


def _require_rows(
    predictions: Predictions, columns: Mapping[str, Sequence[str | None] | NDArray[np.bool_]]
) -> None:
    rows, k = len(predictions.truth), len(predictions.classes)
    if rows == 0:
        raise InvalidInputError("an evaluation needs at least one row, got none; check the split sizes")
    if predictions.probs.shape != (rows, k):
        raise InvalidInputError(
            f"probs must be one row for each truth and one column a class, {(rows, k)}, "
            f"got {predictions.probs.shape}"
        )
    if not np.all(np.isfinite(predictions.probs)):
        raise InvalidInputError("probs must be finite, got NaN or infinity; look at the candidate's outputs")
    for name, values in columns.items():
        if len(values) != rows:
            what = "slice" if isinstance(values, np.ndarray) else "group column"
            raise InvalidInputError(
                f"{what} '{name}' must have one value for each of {rows} rows, got {len(values)}"
            )
