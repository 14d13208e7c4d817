"""What each task is measured by: its scores, the metrics that may decide, and how two candidates differ.

The one place where a task becomes scores; whoever holds predictions asks here and need not know the task.
Always: a metric belongs to the task it is asked for, or is refused with those that do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smallcraft.errors import InvalidInputError, nearest_name
from smallcraft.evaluate.run import evaluate_predictions
from smallcraft.evaluate.scores import BUILTIN as CLASS_SCORES
from smallcraft.evaluate.tags.run import evaluate_tags
from smallcraft.evaluate.tags.scores import SCORES as TAG_SCORES
from smallcraft.evaluate.tags.scores import TagScore
from smallcraft.evaluate.values.run import evaluate_values
from smallcraft.evaluate.values.scores import SCORES as VALUE_SCORES
from smallcraft.evaluate.values.scores import ValueScore
from smallcraft.plugins import find_plugin
from smallcraft.records import (
    AnyPredictions,
    Interval,
    Measurement,
    Predictions,
    TagPredictions,
    Task,
    ValuePredictions,
)

Measure = Callable[..., Measurement]


@dataclass(frozen=True)
class TaskScores:
    """How a task is measured.

    Attributes:
        names: Of its scores.
        measure: From predictions and a score's name; `confidence` and `seed` by keyword.
        is_better_higher: A score's direction.
        evaluate: Everything on one split, slices included.
        default_metric: What decides where the user says nothing.
        beside_metric: What the sealed set tells beside the metric.
        unbounded: Metrics without an upper end, which a floor may exceed 1 for.
    """

    names: tuple[str, ...]
    measure: Measure
    is_better_higher: Callable[[str], bool]
    evaluate: Callable[..., tuple[Measurement, ...]]
    default_metric: str
    beside_metric: str
    unbounded: frozenset[str] = frozenset()


def task_of(predictions: AnyPredictions) -> Task:
    """The task that predictions are of."""
    return _TASK_OF[type(predictions)]


def measure_score(predictions: AnyPredictions, metric: str, *, confidence: float, seed: int) -> Measurement:
    """One score of predictions of any task.

    Args:
        predictions: At least one row.
        metric: A score of their task.
        confidence: Coverage of the interval.
        seed: For intervals that are drawn.

    Raises:
        InvalidInputError: No score of that name.
    """
    return BY_TASK[task_of(predictions)].measure(predictions, metric, confidence=confidence, seed=seed)


def evaluate_any(
    predictions: AnyPredictions,
    *,
    split: str,
    confidence: float,
    seed: int,
    groups: Mapping[str, Sequence[str | None]] | None = None,
) -> tuple[Measurement, ...]:
    """Every score and slice of predictions of any task; see `evaluate_predictions`."""
    task = BY_TASK[task_of(predictions)]
    return task.evaluate(predictions, split=split, confidence=confidence, seed=seed, groups=groups)


def is_better_higher(task: Task, metric: str) -> bool:
    """Whether more of a metric is better."""
    return BY_TASK[task].is_better_higher(metric)


def range_of(metric: str) -> Interval:
    """Between which bounds a score lies; the log-loss is cut where `stats.calibration` cuts it."""
    return _RANGES.get(metric, Interval(0.0, 1.0))


def _measure_class(predictions: Predictions, metric: str, *, confidence: float, seed: int) -> Measurement:
    score = find_plugin("scores", metric, CLASS_SCORES)
    return score.measure(predictions, confidence=confidence, seed=seed)


def _measure_tags(predictions: TagPredictions, metric: str, *, confidence: float, seed: int) -> Measurement:  # noqa: ARG001
    score: TagScore = _known(metric, TAG_SCORES)
    return score.measure(predictions, confidence)


def _measure_values(
    predictions: ValuePredictions,
    metric: str,
    *,
    confidence: float,
    seed: int,  # noqa: ARG001 - nothing is drawn
) -> Measurement:
    score: ValueScore = _known(metric, VALUE_SCORES)
    return score.measure(predictions, confidence)


def _known(metric: str, scores: Mapping[str, Any]) -> Any:  # noqa: ANN401 - one of two kinds of scores
    if metric not in scores:
        raise InvalidInputError(
            f"the scores of this task are {', '.join(scores)}, got '{metric}'{nearest_name(metric, scores)}"
        )
    return scores[metric]


_TASK_OF: Mapping[type, Task] = {
    Predictions: "multiclass",
    TagPredictions: "multilabel",
    ValuePredictions: "regression",
}
# Scores that are not in [0, 1]; `mae` and `rmse` have no upper end at all.
_RANGES: Mapping[str, Interval] = {
    "log_loss": Interval(0.0, 36.05),
    "brier": Interval(0.0, 2.0),
    "matthews": Interval(-1.0, 1.0),
    "kappa": Interval(-1.0, 1.0),
    "r2": Interval(-1.0, 1.0),
}
BY_TASK: Mapping[Task, TaskScores] = {
    "multiclass": TaskScores(
        tuple(CLASS_SCORES),
        _measure_class,
        lambda metric: find_plugin("scores", metric, CLASS_SCORES).higher_is_better,
        evaluate_predictions,
        "macro_f1",
        "accuracy",
    ),
    "multilabel": TaskScores(
        tuple(TAG_SCORES),
        _measure_tags,
        lambda metric: bool(_known(metric, TAG_SCORES).higher_is_better),
        evaluate_tags,
        "macro_f1",
        "subset_accuracy",
    ),
    "regression": TaskScores(
        tuple(VALUE_SCORES),
        _measure_values,
        lambda metric: bool(_known(metric, VALUE_SCORES).higher_is_better),
        evaluate_values,
        # What heads and trees are fitted to; by the mean error a plain median may beat them.
        "rmse",
        "r2",
        frozenset({"mae", "rmse"}),
    ),
}
