"""The job of `smallcraft evaluate`: models of any make on the same labelled rows, measured and compared.

1. open every model, and refuse what cannot be used before any row is asked
2. read the rows; the truth stays here
3. ask each model every row, once, and measure scores, slices and cost
4. compare them in pairs, say which are good enough, judge the gates that were given

Always: equal rows, answers and seed give equal numbers (but for the cost); a score that does not apply has no
value and says why; nothing is written before everything was measured.
Left to others: what may be asked at all (`evaluation_plan`), which column is which (`evaluation_rows`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from smallcraft.data.balance import suggested_metric
from smallcraft.data.formats import find_files
from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.by_task import BY_TASK, task_of
from smallcraft.evaluate.choice.decide import Contender, choose_cheapest
from smallcraft.evaluate.choice.paired import DECIDING_BY_TASK
from smallcraft.evaluate.harness.answers import Answers, all_classes, predictions_of
from smallcraft.evaluate.harness.asking import COST_NAMES, Asked, ask_model
from smallcraft.evaluate.harness.openers.opener import OpenedModel
from smallcraft.evaluate.harness.own_metric import OwnMetric
from smallcraft.evaluate.harness.versus import Entrant, Versus, compare_with
from smallcraft.evaluate.harness.withheld import NEEDS_PROBABILITIES, withhold_probability_scores
from smallcraft.evaluate.run import evaluate_predictions
from smallcraft.gates.policy import judge_all
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.evaluations.plan import (
    EvaluateOptions,
    NamedScore,
    Plan,
    make_plan,
    open_asked,
    own_rows_note,
    refuse_sealed,
    require_models,
)
from smallcraft.pipeline.evaluations.record import EvaluatedModel, Evaluation
from smallcraft.pipeline.evaluations.rows import EvaluationRows, choose_columns, project_of, read_rows
from smallcraft.pipeline.evaluations.tasks import (
    beside_truth,
    over_all_labels,
    roles_for_task,
    scores_of_task,
    task_of_models,
)
from smallcraft.pipeline.events import Listener, SilentListener
from smallcraft.records import CandidateStatus, Decision, Evidence, Measurement, Predictions, Roles

_NO_SPLIT = "none"


def evaluate_file(
    data: str | Path,
    targets: Sequence[str | OpenedModel],
    *,
    options: EvaluateOptions | None = None,
    listener: Listener | None = None,
) -> Evaluation:
    """Evaluate models on the rows of a file.

    Args:
        data: A path or glob of labelled rows.
        targets: At least one model: open, a release, or what `evaluate.harness.openers` knows.
        options: What is asked for beside.
        listener: Told as things happen.

    Raises:
        InvalidInputError: A model, metric, gate or option cannot be used.
        NotFoundError: A model, module or project is not there.
        DataError: The data, or a file of predictions, cannot be used.
    """
    options, listener = options or EvaluateOptions(), listener or SilentListener()
    find_files(data)
    project = project_of(options.project)
    refuse_sealed(data, project)
    plan = make_plan(options, project)
    models = [open_asked(target, options, data) for target in targets]
    require_models(models, options.against)
    listener.stage(f"reading {data}")
    needs_inputs = any(not model.whole for model in models)
    columns = choose_columns(data, options.columns, project, needs_inputs=needs_inputs)
    roles = roles_for_task(columns.roles, task_of_models(models), project, data)
    rows = read_rows(data, roles, [name for model in models for name in model.reads])
    notes = (*([columns.note] if columns.note else []), *own_rows_note(data, project))
    return _evaluate(rows, models, plan, options=options, project=project, notes=notes, listener=listener)


def evaluate_frame(
    frame: pl.DataFrame,
    targets: Sequence[str | OpenedModel],
    roles: Roles,
    *,
    options: EvaluateOptions | None = None,
    listener: Listener | None = None,
) -> Evaluation:
    """Evaluate models on rows in memory; as `evaluate_file`, with the roles said."""
    options, listener = options or EvaluateOptions(), listener or SilentListener()
    plan = make_plan(options, None)
    models = [open_asked(target, options) for target in targets]
    require_models(models, options.against)
    roles = roles_for_task(roles, task_of_models(models), None, frame)
    rows = read_rows(frame, roles, [name for model in models for name in model.reads])
    return _evaluate(rows, models, plan, options=options, project=None, notes=(), listener=listener)


def _evaluate(
    rows: EvaluationRows,
    models: Sequence[OpenedModel],
    plan: Plan,
    *,
    options: EvaluateOptions,
    project: Config | None,
    notes: tuple[str, ...],
    listener: Listener,
) -> Evaluation:
    asked = []
    for model in models:
        listener.stage(f"asking {model.target} {len(rows.truth):,} rows")
        step = f"asking {model.target}"
        asked.append(
            ask_model(model, rows.questions, batch=options.batch, progress=_progress(listener, step))
        )
    listener.stage("measuring")
    evaluated = tuple(_measure(model, found, rows, plan) for model, found in zip(models, asked, strict=True))
    metric = _comparing(plan, rows, project)
    entrants = _entrants(evaluated, asked, rows)
    return Evaluation(
        source=rows.source,
        rows=len(rows.truth),
        labels=rows.questions.labels,
        roles=rows.roles,
        metric=metric if isinstance(metric, str) else metric.name,
        confidence=plan.confidence,
        models=evaluated,
        differences=_differences(entrants, metric, plan, options.against),
        tie=_tie(evaluated, entrants, metric, plan),
        notes=notes,
    )


def _progress(listener: Listener, step: str) -> Callable[[float], None]:
    return lambda share: listener.progress(step, share)


def _comparing(plan: Plan, rows: EvaluationRows, project: Config | None) -> str | OwnMetric:
    """The first metric that was named, else the project's, else what suits the classes."""
    if plan.metrics:
        first = plan.metrics[0]
        return first if isinstance(first, OwnMetric) else first.name
    if project is not None and project.roles().label == rows.roles.label:
        return project.quality.metric
    if rows.roles.task != "multiclass":
        return BY_TASK[rows.roles.task].default_metric
    return suggested_metric(Counter(rows.truth))[0]


def _measure(model: OpenedModel, asked: Asked, rows: EvaluationRows, plan: Plan) -> EvaluatedModel:
    if rows.roles.task != "multiclass":
        return _measure_of_task(model, asked, rows, plan)
    answers = asked.answers
    # Its own classes only: what other models answer must not change its numbers.
    classes = all_classes(rows.truth, [answers])
    predictions = predictions_of(answers, rows.truth, classes, clusters=rows.clusters)
    unknown = _unknown(predictions, rows.questions.labels)
    measurements = (*_scores(predictions, answers, rows, plan), asked.cost)
    evidence = Evidence(model.target, CandidateStatus.MEASURED, None, measurements)
    return EvaluatedModel(
        name=model.target,
        kind=model.kind,
        labels_only=answers.labels_only,
        unknown=unknown,
        notes=(*model.notes, *answers.notes, *_answer_notes(answers, unknown, rows)),
        predictions=predictions,
        measurements=measurements,
        verdicts=judge_all(plan.specs, evidence) if plan.specs else (),
    )


def _measure_of_task(model: OpenedModel, asked: Asked, rows: EvaluationRows, plan: Plan) -> EvaluatedModel:
    predictions = beside_truth(model, asked.answers, rows)
    measurements = (*scores_of_task(predictions, rows, plan), asked.cost)
    evidence = Evidence(model.target, CandidateStatus.MEASURED, None, measurements)
    return EvaluatedModel(
        name=model.target,
        kind=model.kind,
        labels_only=False,
        unknown={},
        notes=(*model.notes, *asked.answers.notes),
        predictions=predictions,
        measurements=measurements,
        verdicts=judge_all(plan.specs, evidence) if plan.specs else (),
    )


def _scores(
    predictions: Predictions, answers: Answers, rows: EvaluationRows, plan: Plan
) -> tuple[Measurement, ...]:
    """Every score that was asked for, in that order, then classes and slices."""
    for metric in plan.metrics:
        if isinstance(metric, NamedScore):
            raise InvalidInputError(f"'{metric.name}' is no score of one class a row; name another --metric")
    named = [metric.name for metric in plan.metrics if not isinstance(metric, OwnMetric)]
    measured = evaluate_predictions(
        predictions,
        split=_NO_SPLIT,
        scores=named if plan.metrics else None,
        confidence=plan.confidence,
        seed=plan.seed,
        groups=rows.groups or None,
    )
    measured = tuple(replace(found, split=None) for found in measured)
    if answers.labels_only:
        measured = withhold_probability_scores(measured)
    own = {
        metric.name: metric.measure(
            predictions, confidence=plan.confidence, seed=plan.seed, labels_only=answers.labels_only
        )
        for metric in plan.metrics
        if isinstance(metric, OwnMetric)
    }
    over_all = {found.name: found for found in measured if found.slice == "all"} | own
    order = [metric.name for metric in plan.metrics] or list(over_all)
    return (*(over_all[name] for name in order), *(found for found in measured if found.slice != "all"))


def _unknown(predictions: Predictions, labels: Sequence[str]) -> dict[str, int]:
    known = set(labels)
    called = Counter(predictions.classes[code] for code in predictions.predicted)
    return {name: count for name, count in called.most_common() if name not in known}


def _answer_notes(answers: Answers, unknown: dict[str, int], rows: EvaluationRows) -> list[str]:
    notes = []
    if answers.labels_only:
        notes.append("it gives labels only, so scores over probabilities are not measured")
    if unknown:
        names = ", ".join(f"'{name}' ({count:,})" for name, count in list(unknown.items())[:5])
        more = f" and {len(unknown) - 5} more labels" if len(unknown) > 5 else ""
        notes.append(
            f"{sum(unknown.values()):,} of {len(rows.truth):,} answers are labels that no row has: "
            f"{names}{more}; they count as wrong"
        )
    missing = [name for name in rows.questions.labels if name not in answers.classes]
    if missing:
        names = ", ".join(f"'{name}'" for name in missing[:5])
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        notes.append(f"it never answers {names}{more}; every row of these is wrong")
    return notes


def _entrants(
    evaluated: Sequence[EvaluatedModel], asked: Sequence[Asked], rows: EvaluationRows
) -> dict[str, Entrant]:
    """Every model's answers over the classes of all of them, as a comparison needs them."""
    if rows.roles.task != "multiclass":
        told = over_all_labels([model.predictions for model in evaluated])
        return {m.name: Entrant(of, labels_only=False) for m, of in zip(evaluated, told, strict=True)}
    classes = all_classes(rows.truth, [found.answers for found in asked])
    return {
        model.name: Entrant(
            predictions_of(found.answers, rows.truth, classes, clusters=rows.clusters), model.labels_only
        )
        for model, found in zip(evaluated, asked, strict=True)
    }


def _differences(
    entrants: Mapping[str, Entrant], metric: str | OwnMetric, plan: Plan, against: str | None
) -> tuple[Versus, ...]:
    if len(entrants) < 2:
        return ()
    return compare_with(
        entrants,
        against or next(iter(entrants)),
        metric=metric,
        confidence=plan.confidence,
        seed=plan.seed,
    )


def _tie(
    evaluated: Sequence[EvaluatedModel],
    entrants: Mapping[str, Entrant],
    metric: str | OwnMetric,
    plan: Plan,
) -> Decision | None:
    """Which models are good enough; only CPU times compare, so the cheapest is named among those alone."""
    if len(evaluated) < 2 or not isinstance(metric, str):
        return None
    if metric not in DECIDING_BY_TASK[task_of(evaluated[0].predictions)]:
        return None
    if metric in NEEDS_PROBABILITIES and any(model.labels_only for model in evaluated):
        return None
    if any((found := model.find(metric)) is not None and found.value is None for model in evaluated):
        return None
    costs = [model.find(COST_NAMES["cpu"]) for model in evaluated]
    contenders = [
        Contender(model.name, entrants[model.name].predictions, None if cost is None else cost.value, place)
        for place, (model, cost) in enumerate(zip(evaluated, costs, strict=True))
    ]
    tie = choose_cheapest(
        contenders, metric=metric, margin=plan.margin, confidence=plan.confidence, seed=plan.seed
    )
    known = {contender.rung for contender in contenders if contender.cost is not None}
    is_known = set(tie.tied) <= known
    return replace(
        tie,
        chosen=tie.chosen if is_known else None,
        lost=tie.lost if is_known else {rung: why for rung, why in tie.lost.items() if rung not in tie.tied},
        sentence=_tie_sentence(tie, is_known=is_known),
    )


def _tie_sentence(tie: Decision, *, is_known: bool) -> str:
    if len(tie.tied) == 1:
        return (
            f"{tie.best} has the best {tie.metric}; no other model is shown to be within {tie.margin:g} of it"
        )
    names = ", ".join(tie.tied)
    head = f"{names} are statistically tied: each within {tie.margin:g} of the best {tie.metric} ({tie.best})"
    if not is_known:
        return f"{head}; which is cheapest cannot be said, for the CPU time of some was not measured"
    return f"{head}; the cheapest of them, or as cheap and named first, is {tie.chosen}"
