"""What evaluating models depends on the task for: the roles, the answers beside the truth, and their scores.

Models of other makes name one class a row; several labels a row, or numbers, are asked of bundles and
releases.
Always: all models are of one task, which is that of the project where the label is the project's.
Left to others: one class a row's own notes and scores (`pipeline.evaluations.run`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from smallcraft.data.load import read_source
from smallcraft.data.table import text_form
from smallcraft.data.tagged import find_separator
from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.by_task import BY_TASK, evaluate_any
from smallcraft.evaluate.harness.answers import Answers
from smallcraft.evaluate.harness.openers.opener import OpenedModel
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.evaluations.plan import Plan
from smallcraft.pipeline.evaluations.rows import EvaluationRows
from smallcraft.pipeline.stages.predictions import predictions_beside_truth
from smallcraft.records import AnyPredictions, Measurement, Roles, TagPredictions, Task

_NO_SPLIT = "none"


def task_of_models(models: Sequence[OpenedModel]) -> Task:
    """The task that all models are of.

    Raises:
        InvalidInputError: They are of several; the message names them.
    """
    tasks = {model.target: model.task for model in models}
    if len(set(tasks.values())) > 1:
        told = ", ".join(f"{name} answers as {task}" for name, task in tasks.items())
        raise InvalidInputError(f"models are compared on one task, got {told}; evaluate them apart")
    return next(iter(tasks.values()))


def roles_for_task(roles: Roles, task: Task, project: Config | None, data: object) -> Roles:
    """The roles with the models' task, and the sign between labels where a row has several.

    Args:
        roles: Which column plays which part.
        task: Of the models.
        project: Whose label it may be.
        data: The file or frame, to find the separator in where no project says it.

    Raises:
        InvalidInputError: The project's label is of another task.
    """
    is_projects = project is not None and project.data.label == roles.label
    if project is not None and is_projects and project.data.task != task:
        raise InvalidInputError(
            f"the models answer as {task}, column '{roles.label}' is {project.data.task} in the project; "
            "evaluate bundles and releases of this project, or name another --label"
        )
    if task != "multilabel":
        return replace(roles, task=task)
    if project is not None and is_projects:
        return replace(roles, task=task, separator=project.data.label_separator)
    frame = data if isinstance(data, pl.DataFrame) else read_source(str(data), None, lists=None).frame
    label = frame[roles.label]
    found = None if label.dtype == pl.List else find_separator(text_form(label))
    return replace(roles, task=task, separator=found or "|")


def beside_truth(model: OpenedModel, answers: Answers, rows: EvaluationRows) -> AnyPredictions:
    """A bundle's answers beside the truth, for any task but one class a row."""
    assert model.decoder is not None, "a model of another task is a bundle"
    return predictions_beside_truth(
        answers.probs,
        pl.Series(rows.roles.label, rows.truth, dtype=pl.String),
        rows.roles,
        classes=answers.classes,
        decoder=model.decoder,
        clusters=rows.clusters,
    )


def over_all_labels(predictions: Sequence[AnyPredictions]) -> list[AnyPredictions]:
    """Several labels a row over the labels of all models; numbers as they are."""
    names = tuple(dict.fromkeys(name for found in predictions for name in found.classes))
    return [_over(found, names) if isinstance(found, TagPredictions) else found for found in predictions]


def _over(found: TagPredictions, names: tuple[str, ...]) -> TagPredictions:
    place = [names.index(name) for name in found.classes]
    spread = {}
    for part in ("truth", "probs", "predicted"):
        values = getattr(found, part)
        spread[part] = np.zeros((len(values), len(names)), dtype=values.dtype)
        spread[part][:, place] = values
    return replace(found, classes=names, **spread)


def scores_of_task(predictions: AnyPredictions, rows: EvaluationRows, plan: Plan) -> tuple[Measurement, ...]:
    """Every score of the task, or those that were named, in that order; then labels and slices.

    Raises:
        InvalidInputError: A metric that is none of the task.
    """
    names = [metric.name for metric in plan.metrics]
    known = BY_TASK[rows.roles.task].names
    for name in names:
        if name not in known:
            raise InvalidInputError(
                f"the scores of {rows.roles.task} are {', '.join(known)}, got '{name}'; name some of these"
            )
    measured = evaluate_any(
        predictions,
        split=_NO_SPLIT,
        confidence=plan.confidence,
        seed=plan.seed,
        groups=rows.groups or None,
    )
    measured = tuple(replace(found, split=None) for found in measured)
    over_all = {found.name: found for found in measured if found.slice == "all"}
    return (
        *(over_all[name] for name in names or over_all),
        *(found for found in measured if found.slice != "all"),
    )
