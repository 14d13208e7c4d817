"""Measures predictions on one split: scores over all rows, and per-class and per-group slices.

Always: every class and every declared group value appears; an empty slice is a measurement without a value,
with the reason. Slices hold exact intervals, never a bootstrap.
Left to others: what a number means for a release (`smallcraft.gates`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.scores import BUILTIN
from smallcraft.plugins import find_plugin
from smallcraft.records import Interval, Measurement, Predictions
from smallcraft.stats.intervals import require_fraction, share_interval

MISSING_GROUP = "(missing)"


def evaluate_predictions(
    predictions: Predictions,
    *,
    split: str,
    scores: Sequence[str] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    groups: Mapping[str, Sequence[str | None]] | None = None,
) -> tuple[Measurement, ...]:
    """Everything measured about predictions on one split.

    Args:
        predictions: At least one row.
        split: Its name, written into each measurement.
        scores: Names from `evaluate/scores` or installed plug-ins; None for all built-in ones.
        confidence: Coverage of each interval.
        seed: For the intervals that are drawn.
        groups: Column name to its value for each row; each value becomes a slice `column=value`.

    Returns:
        Scores over all rows, then recall, precision and F1 of each class, then accuracy of each group.

    Raises:
        InvalidInputError: No rows, an unknown score, or a group column of another length.
    """
    require_fraction(confidence, "confidence")
    _require_rows(predictions, groups or {})
    measured = [
        find_plugin("scores", name, BUILTIN).measure(predictions, confidence=confidence, seed=seed)
        for name in (tuple(BUILTIN) if scores is None else scores)
    ]
    measured += measure_classes(predictions, confidence=confidence)
    for column, values in (groups or {}).items():
        measured += measure_groups(predictions, column, values, confidence=confidence)
    return tuple(dataclasses.replace(measurement, split=split) for measurement in measured)


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
            share = _measure_share(score, right, domain, predictions.clusters, confidence)
            share = dataclasses.replace(share, slice=f"class={name}", detail=share.detail and empty)
            found.append(_f1_from_share(share) if score == "f1" else share)
    return found


def measure_groups(
    predictions: Predictions, column: str, values: Sequence[str | None], *, confidence: float
) -> list[Measurement]:
    """Accuracy of each value of a group column, as slices `column=value`, in the order of the values."""
    names = np.array([MISSING_GROUP if value is None else str(value) for value in values])
    right = predictions.truth == predictions.predicted
    found = []
    for name in np.unique(names):
        share = _measure_share("accuracy", right, names == name, predictions.clusters, confidence)
        found.append(dataclasses.replace(share, slice=f"{column}={name}"))
    return found


def _measure_share(
    name: str,
    hits: NDArray[np.bool_],
    domain: NDArray[np.bool_],
    clusters: NDArray[np.int64] | None,
    confidence: float,
) -> Measurement:
    """Share of the hits among the rows of a domain."""
    method = f"Clopper-Pearson {confidence:.0%}"
    inside = hits[domain]
    if len(inside) == 0:
        return Measurement(name, None, "fraction", 0, method, detail="no rows in this slice")
    kept = None if clusters is None else clusters[domain]
    interval = share_interval(inside, level=confidence, clusters=kept)
    if kept is not None:
        method += ", Korn-Graubard effective rows"
    return Measurement(
        name, float(inside.mean()), "fraction", len(inside), method, low=interval.low, high=interval.high
    )


def _f1_from_share(share: Measurement) -> Measurement:
    if share.value is None or share.low is None or share.high is None:
        return share
    value, bounds = _f1(share.value), Interval(_f1(share.low), _f1(share.high))
    return dataclasses.replace(share, value=value, low=bounds.low, high=bounds.high)


def _f1(overlap: float) -> float:
    return 2 * overlap / (1 + overlap)


def _require_rows(predictions: Predictions, groups: Mapping[str, Sequence[str | None]]) -> None:
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
    for column, values in groups.items():
        if len(values) != rows:
            raise InvalidInputError(
                f"group column '{column}' must have one value for each of {rows} rows, got {len(values)}"
            )
