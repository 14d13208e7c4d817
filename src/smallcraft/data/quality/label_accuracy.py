"""The share of right labels that an audit's answers stand for: as a whole, by class, and among flagged rows.

Which rows were asked belongs to `data.quality.audit`, the arithmetic to `stats.stratified`.
Always: rows answered `unsure` count as wrong in the lower bound and as right in the upper one.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from smallcraft.data.quality.answers import AuditAnswers
from smallcraft.records import CheckResult, Finding, FlaggedRows, Measurement, Outcome, Predictions
from smallcraft.stats.stratified import (
    BORROWED_LABELS,
    DESIGN,
    STRATA,
    ShareEstimate,
    estimate_by_class,
    estimate_share,
    stratum_of,
)

CHECK = "label_accuracy"
WRONG = "audited wrong"
PRECISION = "expected_precision"
_MOST_FINDINGS = 100


def measured_accuracy(
    answers: AuditAnswers,
    *,
    given: Predictions | None,
    flagged: NDArray[np.int64] | None,
    numbers: Mapping[str, float | int | None],
    confidence: float,
) -> CheckResult:
    """The audited share of right labels with everything that follows from it.

    Args:
        answers: With a clear answer in every stratum that has rows.
        given: The answers that the audit was drawn by, for the precision of flagged rows; None to leave it.
        flagged: `(f,)` positions of flagged rows.
        numbers: Counts told so far.
        confidence: Of the intervals.
    """
    clear = ~answers.is_unsure
    estimate = _with_unsure(answers, clear, confidence)
    method = _method(answers, confidence)
    whole = Measurement(
        CHECK,
        estimate.value,
        "fraction",
        estimate.n,
        method,
        estimate.low,
        estimate.high,
        split=answers.split,
    )
    measurements = [whole, *_by_class(answers, clear, confidence, method)]
    if flagged is not None and given is not None:
        measurements.append(_precision(given, answers, flagged, confidence))
    numbers = {**numbers, "effective_rows": round(estimate.effective_n, 1)}
    wrong = np.flatnonzero(clear & ~answers.is_right)
    wrong = wrong[np.argsort(answers.rows[wrong], kind="stable")]
    summary = (
        f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}] of the labels of {answers.split} "
        f"are right, by an audit of {estimate.n:,} rows"
    )
    if answers.unanswered or answers.is_unsure.any():
        summary += f" ({answers.unanswered:,} unanswered, {int(answers.is_unsure.sum()):,} unsure)"
    return CheckResult(
        CHECK,
        Outcome.PASS,
        summary,
        numbers,
        tuple(_finding(answers, at) for at in wrong[:_MOST_FINDINGS].tolist()),
        tuple(measurements),
        _flagged(answers, wrong),
    )


def _with_unsure(answers: AuditAnswers, clear: NDArray[np.bool_], confidence: float) -> ShareEstimate:
    """The clear answers' value; bounds from the unsure ones counted wrong below and right above."""
    right, strata, sizes = answers.is_right, answers.stratum, answers.sizes
    plain = estimate_share(right[clear], strata[clear], sizes, confidence=confidence)
    if clear.all():
        return plain
    worst = estimate_share(right & clear, strata, sizes, confidence=confidence)
    best = estimate_share(right | ~clear, strata, sizes, confidence=confidence)
    low, high = min(plain.low, worst.low), max(plain.high, best.high)
    return ShareEstimate(
        plain.value, low, high, plain.n, min(plain.effective_n, worst.effective_n), plain.design
    )


def _by_class(
    answers: AuditAnswers, clear: NDArray[np.bool_], confidence: float, method: str
) -> list[Measurement]:
    codes = {name: code for code, name in enumerate(answers.classes)}
    given = np.array([codes.get(name, -1) for name in answers.given], dtype=np.int64)
    estimates = estimate_by_class(
        answers.is_right[clear],
        answers.stratum[clear],
        given[clear],
        answers.class_sizes,
        confidence=confidence,
    )
    method += f"; drawn toward the whole of each stratum by {BORROWED_LABELS:g} labels"
    return [
        _class_measurement(estimate, f"class={name}", answers.split, method)
        for name, estimate in zip(answers.classes, estimates, strict=True)
    ]


def _class_measurement(
    estimate: ShareEstimate | None, slice_name: str, split: str, method: str
) -> Measurement:
    if estimate is None:
        why = "no row of this class was audited"
        return Measurement(CHECK, None, "fraction", 0, method, split=split, slice=slice_name, detail=why)
    return Measurement(
        CHECK,
        estimate.value,
        "fraction",
        estimate.n,
        method,
        estimate.low,
        estimate.high,
        split=split,
        slice=slice_name,
    )


def _precision(
    given: Predictions, answers: AuditAnswers, flagged: NDArray[np.int64], confidence: float
) -> Measurement:
    """The share of flagged rows whose label is wrong: the flagged are one of two classes of rows."""
    name, method = PRECISION, f"{_method(answers, confidence)}; among the flagged rows"
    strata = stratum_of(label_scores(given))
    if np.bincount(strata, minlength=STRATA).tolist() != answers.sizes.tolist():
        why = "the model's answers changed since the audit was drawn; draw a new one"
        return Measurement(name, None, "fraction", 0, method, split=answers.split, detail=why)
    is_flagged = np.zeros(len(strata), dtype=np.int64)
    is_flagged[flagged] = 1
    clear = ~answers.is_unsure
    estimate = estimate_by_class(
        answers.is_right[clear],
        answers.stratum[clear],
        is_flagged[answers.rows[clear]],
        class_sizes(is_flagged, strata, 2),
        confidence=confidence,
    )[1]
    if estimate is None:
        why = "no flagged row was audited" if len(flagged) else "no row is flagged"
        return Measurement(name, None, "fraction", 0, method, split=answers.split, detail=why)
    return Measurement(
        name,
        1 - estimate.value,
        "fraction",
        estimate.n,
        method,
        1 - estimate.high,
        1 - estimate.low,
        split=answers.split,
    )


def _method(answers: AuditAnswers, confidence: float) -> str:
    text = f"audit {answers.audit}: {DESIGN}; Horvitz-Thompson, {confidence:.0%} Wilson interval"
    if answers.unanswered:
        text += "; unanswered rows are taken for missing at random within their stratum"
    if answers.is_unsure.any():
        text += "; unsure rows count as wrong in the lower bound, as right in the upper"
    return text


def label_scores(given: Predictions) -> NDArray[np.float64]:
    """The model's probability of each given label, in [0, 1]; 0 for a label that is none of the classes."""
    rows = np.arange(len(given.truth))
    scores = np.where(given.truth >= 0, given.probs[rows, given.truth], 0.0)
    return np.clip(scores, 0.0, 1.0)


def class_sizes(codes: NDArray[np.int64], strata: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Rows of each class in each stratum, `(k, 7)`; code -1 counts nowhere."""
    table = np.zeros((classes, STRATA), dtype=np.int64)
    known = codes >= 0
    np.add.at(table, (codes[known], strata[known]), 1)
    return table


def answer_counts(answers: AuditAnswers) -> dict[str, float | int | None]:
    """How many rows were asked, answered and found wrong."""
    clear = ~answers.is_unsure
    return {
        "asked": answers.asked,
        "audited": int(clear.sum()),
        "unsure": int(answers.is_unsure.sum()),
        "unanswered": answers.unanswered,
        "found_wrong": int((clear & ~answers.is_right).sum()),
    }


def unseen_strata(answers: AuditAnswers) -> int:
    """Strata with rows of which none was clearly answered."""
    clear = ~answers.is_unsure
    seen = np.bincount(answers.stratum[clear], minlength=STRATA)
    return int(((answers.sizes > 0) & (seen == 0)).sum())


def _finding(answers: AuditAnswers, at: int) -> Finding:
    better = answers.adjudicated[at]
    what = "no label fits" if better is None else f"it is '{better}'"
    return Finding(
        CHECK,
        answers.split,
        int(answers.rows[at]),
        None,
        f"labelled '{answers.given[at]}'; the audit says that {what}",
        "correct the label, then draw a new audit to measure what it bought",
        kind=WRONG,
        suggested=better,
    )


def _flagged(answers: AuditAnswers, wrong: NDArray[np.int64]) -> tuple[FlaggedRows, ...]:
    if not len(wrong):
        return ()
    suggested = tuple(answers.adjudicated[at] for at in wrong.tolist())
    return (FlaggedRows(answers.split, WRONG, answers.rows[wrong], suggested=suggested),)
