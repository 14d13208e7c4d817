"""The difference between two candidates on the same rows, for each metric that may decide.

Positive means the first is better, whatever the metric's direction. The method follows the metric: Tango for
shares (accuracy, top-3 accuracy), paired bootstrap over cells for the other counted ones, paired DeLong for
AUROC, paired infinitesimal jackknife for average precision, Student t of the row differences for log-loss and
Brier. Only the calibration error has none: it is no mean over rows and no function of counts.
Always: both saw the same rows with the same truth and classes; anything else is refused.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError, nearest_name
from smallcraft.evaluate.measuring.curves import area_of, known_rows, precision_of
from smallcraft.evaluate.scores.top_3_accuracy import TOP
from smallcraft.records import Interval, Predictions
from smallcraft.stats.auroc import roc_area_difference
from smallcraft.stats.average_precision import average_precision_difference
from smallcraft.stats.calibration import brier_losses, log_losses
from smallcraft.stats.cells import Cells, count_cells
from smallcraft.stats.class_metrics import COUNT_METRICS
from smallcraft.stats.comparisons import (
    Difference,
    paired_accuracy_difference,
    paired_metric_difference,
)
from smallcraft.stats.intervals import mean_interval
from smallcraft.stats.top_classes import is_among_top

_COUNTED = (
    "macro_f1",
    "balanced_accuracy",
    "weighted_f1",
    "macro_precision",
    "macro_recall",
    "matthews",
    "kappa",
)
_SHARES = ("accuracy", "top_3_accuracy")
_CURVES = ("auroc", "average_precision")
_LOSSES = ("log_loss", "brier")
DECIDING_METRICS = ("accuracy", *_COUNTED, "top_3_accuracy", *_CURVES, *_LOSSES)


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
    rng = np.random.default_rng(seed)
    if metric in _SHARES:
        return paired_accuracy_difference(_share_cells(first, other, metric), level=level, rng=rng)
    if metric in _COUNTED:
        cells = count_cells(
            first.truth,
            first.predicted,
            len(first.classes),
            other.predicted,
            clusters=first.clusters,
        )
        return paired_metric_difference(cells, COUNT_METRICS[metric], level=level, rng=rng)
    if metric in _CURVES:
        return _curve_difference(first, other, metric, level=level)
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


def _share_cells(first: Predictions, other: Predictions, metric: str) -> Cells:
    """Who hit which row: cells of two classes, miss and hit, of which every row should be a hit."""
    sides = (first, other)
    if metric == "accuracy":
        hits = [side.truth == side.predicted for side in sides]
    elif len(first.classes) > TOP:
        hits = [is_among_top(side.truth, side.probs, TOP) for side in sides]
    else:
        raise InvalidInputError(
            f"metric '{metric}' does not apply to {len(first.classes)} classes; declare 'accuracy'"
        )
    won, lost = (hit.astype(np.int64) for hit in hits)
    return count_cells(np.ones_like(won), won, 2, lost, clusters=first.clusters)


def _curve_difference(first: Predictions, other: Predictions, metric: str, *, level: float) -> Difference:
    rows, against = known_rows(first), known_rows(other)
    if metric == "auroc":
        area, other_area = area_of(rows), area_of(against)
        bounds = roc_area_difference(area, other_area, level=level, clusters=rows.clusters)
        return Difference(area.value - other_area.value, bounds)
    found, other_found = precision_of(rows), precision_of(against)
    bounds = average_precision_difference(found, other_found, level=level, clusters=rows.clusters)
    return Difference(found.value - other_found.value, bounds)


def _losses(metric: str, predictions: Predictions) -> NDArray[np.float64]:
    losses = log_losses if metric == "log_loss" else brier_losses
    return losses(predictions.truth, predictions.probs)


def _require_same_rows(first: Predictions, other: Predictions) -> None:
    if first.classes != other.classes:
        raise InvalidInputError("candidates are compared over the same classes in the same order")
    if not np.array_equal(first.truth, other.truth):
        raise InvalidInputError(
            f"candidates are compared on the same rows, got {len(first.truth)} and {len(other.truth)} rows "
            "or another truth; predict the same split with both"
        )
