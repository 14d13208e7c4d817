"""The difference between two candidates on the same rows, for each metric that may decide.

Positive means the first is better, whatever the metric's direction. The method follows the metric: Tango for
shares (accuracy, top-3 accuracy), paired bootstrap over cells for the other counted ones, paired DeLong for
AUROC, paired infinitesimal jackknife for average precision, Student t of the row differences for log-loss and
Brier. Several labels a row and numbers have rooms of their own (`evaluate.tags`, `evaluate.values`).
Only the calibration error has none: it is no mean over rows and no function of counts.
Always: both saw the same rows with the same truth and classes; anything else is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError, nearest_name
from smallcraft.evaluate.measuring.curves import area_of, known_rows, precision_of
from smallcraft.evaluate.scores.top_3_accuracy import TOP
from smallcraft.evaluate.tags.differences import DIFFERENCES as TAG_DIFFERENCES
from smallcraft.evaluate.tags.differences import tag_difference
from smallcraft.evaluate.values.scores import DECIDING as DECIDING_VALUES
from smallcraft.evaluate.values.scores import value_score_difference
from smallcraft.records import (
    AnyPredictions,
    Interval,
    Predictions,
    TagPredictions,
    Task,
    ValuePredictions,
)
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
from smallcraft.stats.value_metrics import METRICS

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
DECIDING_BY_TASK: Mapping[Task, tuple[str, ...]] = {
    "multiclass": DECIDING_METRICS,
    "multilabel": tuple(TAG_DIFFERENCES),
    "regression": DECIDING_VALUES,
}


def quality_difference(
    first: AnyPredictions, other: AnyPredictions, *, metric: str, level: float, seed: int
) -> Difference:
    """How much better the first is, with a two-sided interval.

    Args:
        first: At least one row.
        other: The same rows.
        metric: One of `DECIDING_BY_TASK`, for the task that both are of.
        level: Coverage; for a one-sided bound at confidence c give `2 * c - 1`.
        seed: For the intervals that are drawn.

    Raises:
        InvalidInputError: Another metric, rows that differ, or a metric that does not apply.
    """
    task, difference = _BY_KIND[type(first)]
    require_deciding(metric, task)
    _require_same_rows(first, other)
    return difference(first, other, metric=metric, level=level, seed=seed)


def _class_difference(
    first: Predictions, other: Predictions, *, metric: str, level: float, seed: int
) -> Difference:
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


_BY_KIND: Mapping[type, tuple[Task, Callable[..., Difference]]] = {
    Predictions: ("multiclass", _class_difference),
    TagPredictions: ("multilabel", tag_difference),
    ValuePredictions: ("regression", value_score_difference),
}


def gap_words(metric: str) -> str:
    """What a difference is in: the metric, or of an error of numbers a share of a plain error.

    >>> gap_words("accuracy"), gap_words("mae")
    ('accuracy', 'mae (1 is the error of always answering the mean)')
    """
    is_share = metric in METRICS and METRICS[metric].is_error
    return f"{metric} (1 is the error of always answering the mean)" if is_share else metric


def require_deciding(metric: str, task: Task = "multiclass") -> None:
    """Refuse a metric that has no paired interval.

    Raises:
        InvalidInputError: It is not one of `DECIDING_BY_TASK`.
    """
    known = DECIDING_BY_TASK[task]
    if metric not in known:
        raise InvalidInputError(
            f"candidates are compared by {', '.join(known)}, got '{metric}'{nearest_name(metric, known)}"
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


def _require_same_rows(first: AnyPredictions, other: AnyPredictions) -> None:
    if type(first) is not type(other):
        raise InvalidInputError("candidates are compared on one task, got two; look at their bundles")
    if first.classes != other.classes:
        raise InvalidInputError("candidates are compared over the same classes in the same order")
    if not np.array_equal(first.truth, other.truth):
        raise InvalidInputError(
            f"candidates are compared on the same rows, got {len(first.truth)} and {len(other.truth)} rows "
            "or another truth; predict the same split with both"
        )
