"""The difference between two candidates on the same rows, for each metric that may decide.

Positive means the first is better, whatever the metric's direction. The method follows the metric: Tango for
accuracy, paired bootstrap over cells for macro-F1, paired DeLong for AUROC, Student t of the row differences
for log-loss and Brier.
Always: both saw the same rows with the same truth and classes; anything else is refused.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError, nearest_name
from smallcraft.records import Interval, Predictions
from smallcraft.stats.auroc import RocArea, roc_area, roc_area_difference
from smallcraft.stats.calibration import brier_losses, log_losses
from smallcraft.stats.cells import count_cells
from smallcraft.stats.comparisons import (
    Difference,
    paired_accuracy_difference,
    paired_macro_f1_difference,
)
from smallcraft.stats.intervals import mean_interval

DECIDING_METRICS = ("accuracy", "macro_f1", "auroc", "log_loss", "brier")


def quality_difference(
    first: Predictions, other: Predictions, *, metric: str, level: float, seed: int
) -> Difference:
    """How much better the first is, with a two-sided interval.

    Args:
        first: At least one row.
        other: The same rows.
        metric: One of `DECIDING_METRICS`.
        level: Coverage; for a one-sided bound at confidence c give `2 * c - 1`.
        seed: For the intervals that are drawn.

    Raises:
        InvalidInputError: Another metric, rows that differ, or a metric that does not apply.
    """
    require_deciding(metric)
    _require_same_rows(first, other)
    if metric in {"accuracy", "macro_f1"}:
        cells = count_cells(
            first.truth,
            first.predicted,
            len(first.classes),
            other.predicted,
            clusters=first.clusters,
        )
        compare = paired_accuracy_difference if metric == "accuracy" else paired_macro_f1_difference
        return compare(cells, level=level, rng=np.random.default_rng(seed))
    if metric == "auroc":
        a, b = _area(first), _area(other)
        clusters = None if first.clusters is None else first.clusters[first.truth >= 0]
        return Difference(a.value - b.value, roc_area_difference(a, b, level=level, clusters=clusters))
    gained = _losses(metric, other) - _losses(metric, first)
    interval = mean_interval(gained, level=level, clusters=first.clusters)
    return Difference(float(gained.mean()), interval or Interval(-np.inf, np.inf))


def require_deciding(metric: str) -> None:
    """Refuse a metric that has no paired interval.

    Raises:
        InvalidInputError: It is not one of `DECIDING_METRICS`.
    """
    if metric not in DECIDING_METRICS:
        raise InvalidInputError(
            f"candidates are compared by {', '.join(DECIDING_METRICS)}, got '{metric}'"
            f"{nearest_name(metric, DECIDING_METRICS)}"
        )


def _losses(metric: str, predictions: Predictions) -> NDArray[np.float64]:
    losses = log_losses if metric == "log_loss" else brier_losses
    return losses(predictions.truth, predictions.probs)


def _area(predictions: Predictions) -> RocArea:
    if len(predictions.classes) != 2:
        raise InvalidInputError(
            f"metric 'auroc' is for two classes, there are {len(predictions.classes)}; "
            "declare 'macro_f1' or 'log_loss'"
        )
    known = predictions.truth >= 0
    return roc_area(predictions.truth[known] == 1, predictions.probs[known, 1])


def _require_same_rows(first: Predictions, other: Predictions) -> None:
    if first.classes != other.classes:
        raise InvalidInputError("candidates are compared over the same classes in the same order")
    if not np.array_equal(first.truth, other.truth):
        raise InvalidInputError(
            f"candidates are compared on the same rows, got {len(first.truth)} and {len(other.truth)} rows "
            "or another truth; predict the same split with both"
        )
