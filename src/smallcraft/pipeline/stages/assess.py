"""What is wrong with the data, and how much of it is right: every check, and the index made of them.

1. votes: where people disagree, what they say together, who errs
2. labels: which look wrong, and how hard the rows are, split by split
3. audit: the share of right labels, where people looked again
4. copies by meaning, and what leaked copies do to a metric
5. the ceiling of any metric, and the index

Always: no number is made of a model's answers and the sealed rows' labels: that would be a look at cert that
no ledger counts. Of cert's labels only people speak, in an audit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from smallcraft.data.quality.audit import judge_labels, labels_not_judged
from smallcraft.data.quality.bysplit import joined
from smallcraft.data.quality.ceiling import noise_ceiling
from smallcraft.data.quality.consensus import Consensus
from smallcraft.data.quality.difficulty import inspect_difficulty
from smallcraft.data.quality.index import QualityIndex, quality_index
from smallcraft.data.quality.label_issues import LabelIssues, find_label_issues, inspect_labels
from smallcraft.data.quality.leak_effect import measure_without
from smallcraft.data.quality.semantic import inspect_semantic
from smallcraft.pipeline.stages.agree import Agreed, hear_votes
from smallcraft.pipeline.stages.material import Material, copy_groups
from smallcraft.records import CheckResult, Measurement, Predictions, Task

_NOT_JUDGED: Mapping[Task, str] = {
    "multilabel": "an audit asks people whether the one label of a row is right, here a row has several",
    "regression": "an audit asks people whether the class of a row is right, here the label is a number",
}


@dataclass(frozen=True)
class Assessment:
    """All checks, and the index.

    Attributes:
        checks: The row checks first.
        index: With its factors.
        issues: The label issues of each open split.
        consensus: Of each open split, where there are votes.
    """

    checks: tuple[CheckResult, ...]
    index: QualityIndex
    issues: Mapping[str, LabelIssues]
    consensus: Mapping[str, Consensus]


def assess(material: Material, *, tell: Callable[[CheckResult], None] = lambda _: None) -> Assessment:
    """Make every check that the material allows.

    Args:
        material: Rows, and whatever else there is.
        tell: Told of each check as it is done; row checks were told before.
    """
    found: list[CheckResult] = []

    def add(*results: CheckResult) -> None:
        for result in results:
            found.append(result)
            tell(result)

    heard = hear_votes(material)  # (1)
    add(*heard.checks)
    issues = _look_at_labels(material, heard, add)  # (2)
    judge = _judge_labels if material.roles.task == "multiclass" else _leave_labels_out
    accuracy = judge(material, issues, add)  # (3)
    row_checks = _with_leak_effect(material)  # (4)
    if material.vectors:
        add(_look_for_meaning(material))
    if material.roles.task == "multiclass":
        add(noise_ceiling(accuracy, _ambiguity(found), material.model_accuracy))  # (5)
    checks = (*row_checks, *found)
    return Assessment(checks, _index(material, checks, accuracy), issues, heard.together)


def _look_at_labels(material: Material, heard: Agreed, add: Callable[..., None]) -> Mapping[str, LabelIssues]:
    issues: dict[str, LabelIssues] = {}
    looked: dict[str, CheckResult] = {}
    hard: dict[str, CheckResult] = {}
    for split in material.open_splits:
        given = material.predictions.get(split)
        if given is None or len(np.unique(given.truth[given.truth >= 0])) < 2:
            continue
        issues[split] = find_label_issues(
            given,
            vectors=material.vectors.get(split),
            consensus=heard.alone.get(split),
            votes_alone=True,
            copies=copy_groups(material.row_checks, split, material.frames[split].height),
        )
        looked[split] = inspect_labels(
            issues[split],
            given,
            split=split,
            label_column=material.roles.label,
            about_model=material.about_model,
        )
        history = material.history.get(split)
        hard[split] = inspect_difficulty(
            given,
            split=split,
            seed=material.seed,
            history=history.self_confidence if history else None,
            margins=history.margins if history else None,
            vectors=material.vectors.get(split),
        )
    if looked:
        add(joined(looked), joined(hard))
    return issues


def _judge_labels(
    material: Material, issues: Mapping[str, LabelIssues], add: Callable[..., None]
) -> Measurement | None:
    tested = material.tested
    found, given = issues.get(tested), material.predictions.get(tested)
    result = judge_labels(
        given,
        material.answers,
        split=tested,
        expected_errors=found.count.expected_errors if found else None,
        disagreements=_disagreements(found, given) if found and given else None,
        flagged=found.rows if found else None,
        confidence=material.confidence,
    )
    add(result)
    return _measurement(result, "label_accuracy")


def _leave_labels_out(
    material: Material,
    issues: Mapping[str, LabelIssues],  # noqa: ARG001 - as `_judge_labels`
    add: Callable[..., None],
) -> Measurement | None:
    result = labels_not_judged(material.tested, _NOT_JUDGED[material.roles.task])
    add(result)
    return _measurement(result, "label_accuracy")


def _disagreements(issues: LabelIssues, given: Predictions) -> int:
    return int((issues.count.predicted != given.truth[issues.kept]).sum())


def _look_for_meaning(material: Material) -> CheckResult:
    roles = material.roles
    labels = {split: frame[roles.label] for split, frame in material.frames.items()}
    assert roles.text is not None
    texts = {split: frame[roles.text].fill_null("").to_list() for split, frame in material.frames.items()}
    about = "the mean of each text's token embeddings"
    return inspect_semantic(material.vectors, labels, about=about, texts=texts, seed=material.seed)


def _with_leak_effect(material: Material) -> tuple[CheckResult, ...]:
    """The leakage check, with what the copies do to accuracy on open rows."""
    return tuple(
        replace(check, measurements=(*check.measurements, *_leak_effects(material, check)))
        if check.check == "leakage"
        else check
        for check in material.row_checks
    )


def _leak_effects(material: Material, leakage: CheckResult) -> list[Measurement]:
    effects: list[Measurement] = []
    for split in material.open_splits:
        leaked = [flagged.rows for flagged in leakage.flagged if flagged.split == split]
        given = material.predictions.get(split)
        if leaked and given is not None:
            effects += measure_without(
                given,
                np.unique(np.concatenate(leaked)),
                split=split,
                confidence=material.confidence,
                seed=material.seed,
            )
    return effects


def _ambiguity(found: Sequence[CheckResult]) -> float | None:
    """The share of disagreement that no worker's error explains, where there are votes."""
    for check in found:
        if check.check == "disagreement":
            measured = _measurement(check, "ambiguity")
            return None if measured is None else measured.value
    return None


def _index(material: Material, checks: Sequence[CheckResult], accuracy: Measurement | None) -> QualityIndex:
    by_name = {check.check: check for check in checks}
    rows = material.frames[material.tested].height
    failing = by_name["integrity"].numbers.get(f"rows_failing_{material.tested}")
    return quality_index(
        label_accuracy=accuracy,
        leaked=_leaked(material, by_name.get("leakage"), rows),
        failing=None if failing is None else int(failing),
        rows=rows,
        split=material.tested,
    )


def _leaked(material: Material, leakage: CheckResult | None, rows: int) -> Measurement | None:
    if leakage is not None:
        return _measurement(leakage, "leaked_share", split=material.tested)
    method = "one file without a test set: there is nothing to leak into"
    return Measurement("leaked_share", 0.0, "fraction", rows, method, 0.0, 0.0, split=material.tested)


def _measurement(check: CheckResult, name: str, *, split: str | None = None) -> Measurement | None:
    for measurement in check.measurements:
        fits = measurement.name == name and measurement.slice == "all"
        if fits and (split is None or measurement.split == split):
            return measurement
    return None
