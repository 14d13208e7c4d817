"""What the report says differently by task: which scores stand beside the metric, what makes no sense here.

Always: the task is read off what was measured, so that a report needs nothing beside its result; what is left
out is said in a sentence, never shown as an empty table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from smallcraft.records import Evidence, Task


@dataclass(frozen=True)
class TaskWords:
    """One task's part of the page.

    Attributes:
        beside: Scores that stand beside the declared metric.
        group_score: The score of each group.
        is_lowest_worst: Whether its lowest value is the worst.
        without_classes: Why there is no table of classes; empty where there is one.
        without_audits: Why there are no audits; empty where they can be made.
        without_confidence: Why there is no confidence to draw; empty where there is one.
    """

    beside: tuple[str, ...]
    group_score: str
    is_lowest_worst: bool = True
    without_classes: str = ""
    without_audits: str = ""
    without_confidence: str = ""


SCORE_TITLES: Mapping[str, str] = {
    "accuracy": "accuracy",
    "log_loss": "log-loss",
    "ece": "ECE",
    "subset_accuracy": "subset accuracy",
    "macro_f1": "macro-F1",
    "micro_f1": "micro-F1",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
    "interval_coverage": "interval coverage",
}
_NOT_AUDITED = "left out: audits ask how one class a row is answered"
WORDS: Mapping[Task, TaskWords] = {
    "multiclass": TaskWords(("accuracy", "log_loss", "ece"), "accuracy"),
    "multilabel": TaskWords(
        ("micro_f1", "subset_accuracy", "log_loss"),
        "micro_f1",
        without_audits=f"{_NOT_AUDITED}, here a row has several labels",
        without_confidence="left out: a row has several labels here, each with a confidence of its own",
    ),
    "regression": TaskWords(
        ("rmse", "mae", "r2", "interval_coverage"),
        "mae",
        is_lowest_worst=False,
        without_classes="left out: a number has no classes",
        without_audits=f"{_NOT_AUDITED}, here the answer is a number",
        without_confidence="left out: a number comes with an interval, which interval coverage judges",
    ),
}
# A score that only this task has, measured of every candidate.
_TELLTALES: Mapping[str, Task] = {"subset_accuracy": "multilabel", "mae": "regression"}


def task_of_evidence(candidates: Sequence[Evidence]) -> Task:
    """The task that candidates were measured on; one class a row where nothing says otherwise."""
    for evidence in candidates:
        for measurement in evidence.measurements:
            if measurement.name in _TELLTALES:
                return _TELLTALES[measurement.name]
    return "multiclass"
