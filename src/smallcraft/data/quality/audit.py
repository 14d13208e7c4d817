"""A label audit: which rows a person should look at, and what the answers say about all labels.

A model's doubt chooses the rows; only the person's answers make the number. Without answers there is none:
a model's own count of wrong labels may be off several times either way, so it is told as a range, unverified.
Files belong to `data.quality.sheet`, reading answers to `data.quality.answers`, estimates to
`data.quality.label_accuracy`.
Always: the sheet shows neither the model's suggestion nor, by its order, its doubt; of a sealed split
nothing is told but what people answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.quality.answers import AuditAnswers
from smallcraft.data.quality.label_accuracy import (
    CHECK,
    answer_counts,
    class_sizes,
    label_scores,
    measured_accuracy,
    unseen_strata,
)
from smallcraft.data.quality.sheet import (
    ALLOWED,
    ANSWER,
    AUDIT_ID,
    GIVEN,
    OWN_COLUMNS,
    ROW,
    Item,
    StoredPlan,
    allowed_text,
    write_sheet,
)
from smallcraft.data.table import require_columns, row_digests, text_form
from smallcraft.data.wording import split_place
from smallcraft.errors import InvalidInputError
from smallcraft.records import CheckResult, Finding, Measurement, Outcome, Predictions, Roles
from smallcraft.stats.stratified import STRATA, allocate, draw_sample, stratum_of

HOW = "`smallcraft check --audit 120`"
SEALED = "cert"
# A model sure of everything still leaves room for errors where it is sure.
_LEAST_GUESS, _MOST_GUESS = 0.01, 0.5


@dataclass(frozen=True)
class AuditPlan:
    """Which rows to audit, and the population that they stand for.

    Attributes:
        rows: `(m,)` int64 positions in the split, ascending.
        stratum: `(m,)` int64.
        sizes: `(7,)` int64 rows of each stratum.
        class_sizes: `(k, 7)` int64 rows of each class in each stratum.
        classes: The `k` class names.
    """

    rows: NDArray[np.int64]
    stratum: NDArray[np.int64]
    sizes: NDArray[np.int64]
    class_sizes: NDArray[np.int64]
    classes: tuple[str, ...]
    seed: int
    split: str


def plan_audit(given: Predictions, *, n: int, seed: int, split: str) -> AuditPlan:
    """Choose the rows to audit: most where the model doubts the label, some everywhere.

    Args:
        given: Out-of-sample answers beside the given labels.
        n: Rows to look at, at least one a stratum; all rows where there are fewer.
        seed: Chooses among rows of one stratum.
        split: Whose rows.

    Raises:
        InvalidInputError: There are no rows, or `n` is too small.
    """
    scores = label_scores(given)
    strata = stratum_of(scores)
    sizes = np.bincount(strata, minlength=STRATA).astype(np.int64)
    doubt = np.bincount(strata, weights=1 - scores, minlength=STRATA) / np.maximum(sizes, 1)
    taken = allocate(sizes, np.clip(doubt, _LEAST_GUESS, _MOST_GUESS), n)
    rows = draw_sample(strata, taken, np.random.default_rng(seed))
    return AuditPlan(
        rows=rows,
        stratum=strata[rows],
        sizes=sizes,
        class_sizes=class_sizes(given.truth, strata, len(given.classes)),
        classes=given.classes,
        seed=seed,
        split=split,
    )


def write_audit_sheet(
    path: Path, plan: AuditPlan, frame: pl.DataFrame, roles: Roles, *, show_given: bool = True
) -> None:
    """Write the sheet for a person to fill in, its plan and its guide.

    Args:
        path: Of the sheet, a CSV file.
        plan: Which rows.
        frame: The rows of the split that the plan was made for.
        roles: Which column plays which part.
        show_given: False leaves the given label out: who sees it tends to agree with it.

    Raises:
        InvalidInputError: The plan was made for other rows.
        DataError: A column is missing, another sheet is there, or the folder cannot be written.
    """
    if frame.height != int(plan.sizes.sum()):
        raise InvalidInputError(
            f"the audit was planned for {int(plan.sizes.sum()):,} rows of {plan.split}, "
            f"got {frame.height:,}; plan it on the rows that the sheet is for"
        )
    require_columns((*roles.inputs, roles.label), frame.columns, source=f"the rows of {plan.split}")
    # The order of the rows must not tell the stratum; the file tells it to nobody who does not look.
    order = np.random.default_rng([plan.seed, 1]).permutation(len(plan.rows))
    rows, stratum = plan.rows[order], plan.stratum[order]
    shown = frame[rows.tolist()]
    stored = _stored(plan, shown, roles, rows=rows, stratum=stratum)
    inputs = {_column(name): text_form(shown[name]).fill_null("").to_list() for name in roles.inputs}
    labels = text_form(shown[roles.label]).to_list()
    allowed = allowed_text(path, plan.classes)
    write_sheet(
        path,
        stored,
        [
            {AUDIT_ID: audit_id, ROW: str(rows[at])}
            | {name: values[at] for name, values in inputs.items()}
            | ({GIVEN: labels[at]} if show_given else {})
            | {ALLOWED: allowed, ANSWER: ""}
            for at, audit_id in enumerate(stored.audit_ids)
        ],
    )


def judge_labels(
    given: Predictions | None,
    answers: AuditAnswers | None,
    *,
    split: str,
    expected_errors: float | None,
    disagreements: int | None,
    flagged: NDArray[np.int64] | None = None,
    confidence: float = 0.95,
) -> CheckResult:
    """The share of right labels in a split, as far as an audit tells.

    Args:
        given: Out-of-sample answers beside the given labels.
        answers: Of an audit of this split; None where there was none.
        split: Whose labels.
        expected_errors: Wrong labels by confident learning.
        disagreements: Rows whose label is not the model's first choice.
        flagged: Rows that the label check flagged; an audit gives them an expected precision.
        confidence: Of the intervals.

    Returns:
        PASS says that it was measured; whether it is enough is for a gate with a declared limit. UNDECIDED
        without an audit that counts. Of a sealed split nothing is told but what people answered.

    Raises:
        InvalidInputError: The answers are of another split.
    """
    numbers = _unverified(given, split, expected_errors, disagreements)
    if answers is None:
        return _undecided(split, f"not audited{_range_text(numbers)}", HOW, numbers)
    if answers.split != split:
        raise InvalidInputError(
            f"the audit answers are of split {answers.split}, got split {split} to judge; "
            "give the answers of this split's sheet"
        )
    numbers |= answer_counts(answers)
    if answers.is_relabelled:
        why = "audited before its labels were changed, which says nothing about the rows not audited"
        return _undecided(split, why, HOW, numbers)
    missing = unseen_strata(answers)
    if missing:
        why = f"audited in part: {missing} of {STRATA} strata have rows and no clear answer"
        return _undecided(split, why, "answer the other rows of the sheet", numbers)
    seen = given if split != SEALED else None
    return measured_accuracy(answers, given=seen, flagged=flagged, numbers=numbers, confidence=confidence)


def labels_not_judged(split: str, why: str) -> CheckResult:
    """Where the question makes no sense for what a label is: left out, and never passed.

    Args:
        split: Whose labels.
        why: In a sentence.
    """
    said = f"left out: {why}"
    unmeasured = Measurement(CHECK, None, "fraction", 0, "audit by people", split=split, detail=said)
    return CheckResult(CHECK, Outcome.UNDECIDED, said, {}, (), (unmeasured,))


def _undecided(split: str, why: str, needs: str, numbers: Mapping[str, float | int | None]) -> CheckResult:
    said = f"the labels of {split_place(split)} are {why}"
    remedy = f"needs: {needs}"
    finding = Finding(CHECK, split, None, None, said, remedy)
    unmeasured = Measurement(
        CHECK, None, "fraction", 0, "audit by people", split=split, detail=f"{why}; {remedy}"
    )
    return CheckResult(CHECK, Outcome.UNDECIDED, f"{said}; {remedy}", numbers, (finding,), (unmeasured,))


def _unverified(
    given: Predictions | None, split: str, expected_errors: float | None, disagreements: int | None
) -> dict[str, float | int | None]:
    """The range in which the model alone puts wrong labels; None for a sealed split."""
    rows = len(given.truth) if given is not None and split != SEALED else 0
    ends = [] if not rows else [end / rows for end in (expected_errors, disagreements) if end is not None]
    complete = len(ends) == 2
    return {
        "unverified_error_share_low": min(ends) if complete else None,
        "unverified_error_share_high": max(ends) if complete else None,
    }


def _range_text(numbers: dict[str, float | int | None]) -> str:
    low, high = numbers["unverified_error_share_low"], numbers["unverified_error_share_high"]
    if low is None or high is None:
        return ""
    return f"; by the model alone, unverified, {low:.1%} to {high:.1%} of them are wrong"


def _stored(
    plan: AuditPlan,
    shown: pl.DataFrame,
    roles: Roles,
    *,
    rows: NDArray[np.int64],
    stratum: NDArray[np.int64],
) -> StoredPlan:
    inputs = row_digests(shown, roles.inputs)
    whole = row_digests(shown, (*roles.inputs, roles.label))
    return StoredPlan(
        split=plan.split,
        seed=plan.seed,
        rows=int(plan.sizes.sum()),
        classes=plan.classes,
        sizes=tuple(plan.sizes.tolist()),
        class_sizes=tuple(tuple(sizes) for sizes in plan.class_sizes.tolist()),
        items=tuple(
            Item(int(rows[at]), int(stratum[at]), inputs[at].hex(), whole[at].hex())
            for at in range(len(rows))
        ),
    )


def _column(name: str) -> str:
    """An input's column in the sheet; one named like ours gets a prefix."""
    return f"input:{name}" if name in OWN_COLUMNS else name
