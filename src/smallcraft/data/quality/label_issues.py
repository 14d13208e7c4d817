"""Finds labels that a model, people or similar rows speak against, and says of each what sort of doubt it is.

Rows are flagged by confident learning (`stats.confident`), ranked by a label score (`stats.label_scores`,
lower is worse) and told as *wrong*, *ambiguous* or *hard* by the rule of `data.quality.label_kinds`.
Always: a row whose given label is none of the classes is left out and counted; a flag is a reason to look,
never an estimate, so the outcome is UNDECIDED where anything is flagged and is never FAIL.
Source: Northcutt, Jiang, Chuang (2021), Confident Learning, JAIR 70:1373-1411.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from smallcraft.data.quality.label_kinds import (
    HALF,
    KINDS,
    NEIGHBOURS,
    Backing,
    VotedLabels,
    Witnesses,
    count_copies,
    count_neighbours,
    log_support,
    read_votes,
    rightly_known,
    tell_kinds,
    usual_margins,
    usual_sureness,
)
from smallcraft.data.quality.label_words import REMEDIES, describe
from smallcraft.data.wording import row_place, split_place
from smallcraft.errors import InvalidInputError, nearest_name
from smallcraft.records import CheckResult, Finding, FlaggedRows, Measurement, Outcome, Predictions
from smallcraft.stats.confident import ConfidentCount, count_confidently
from smallcraft.stats.intervals import wilson_interval
from smallcraft.stats.label_scores import (
    confidence_weighted_entropy,
    logit_margin,
    normalized_margin,
    self_confidence,
)
from smallcraft.stats.neighbours import nearest

if TYPE_CHECKING:
    from smallcraft.data.quality.consensus import Consensus

_NAME = "label_issues"
_MOST_FINDINGS = 100
_NO_LABEL = -1
_SCORES: Mapping[str, Callable[..., NDArray[np.floating]]] = {
    "logit_margin": logit_margin,
    "self_confidence": self_confidence,
    "normalized_margin": normalized_margin,
    "confidence_weighted_entropy": confidence_weighted_entropy,
}


@dataclass(frozen=True)
class LabelIssues:
    """Flagged rows of one split, worst first, and what speaks against each label.

    Attributes:
        count: Confident learning over the rows whose given label is one of the classes.
        kept: `(count rows,)` int64 positions of those rows in the split.
        rows: `(m,)` int64 positions of the flagged rows in the split.
        kind: `(m,)` of `wrong`, `ambiguous`, `hard`.
        score: `(m,)` float64, lower is worse.
        suggested: `(m,)` int64 codes, -1 where people agree with the given label.
        score_name: Which label score ranks them.
        witnesses: What each witness said.
        model_label: `(m,)` int64 codes, what the model says.
    """

    count: ConfidentCount
    kept: NDArray[np.int64]
    rows: NDArray[np.int64]
    kind: NDArray[np.str_]
    score: NDArray[np.float64]
    suggested: NDArray[np.int64]
    score_name: str
    witnesses: Witnesses
    model_label: NDArray[np.int64]


def find_label_issues(
    given: Predictions,
    *,
    score: str = "logit_margin",
    vectors: NDArray[np.float32] | None = None,
    consensus: Consensus | None = None,
    votes_alone: bool = False,
    copies: NDArray[np.int64] | None = None,
) -> LabelIssues:
    """Flag, rank and tell kinds.

    Args:
        given: Out-of-sample probabilities beside the given labels, `n` rows; at least one label is known.
        score: `logit_margin`, `self_confidence`, `normalized_margin` or `confidence_weighted_entropy`.
        vectors: `(n, width)`, rows alike in meaning lie close; lets nearest rows speak.
        consensus: Of people's votes, row by row; lets people speak.
        votes_alone: True when no model was heard in the consensus. Otherwise only what it holds against the
            suggested label counts, since its agreement may be the model's own.
        copies: `(n,)` group numbers, equal for copies; lets copies speak.

    Raises:
        InvalidInputError: An unknown score, a witness with another number of rows, or no known label.
    """
    _check_inputs(given, score, vectors, consensus, copies)
    kept = np.flatnonzero(given.truth >= 0)
    whole = len(kept) == len(given.truth)
    labels, probs = (given.truth, given.probs) if whole else (given.truth[kept], given.probs[kept])
    count = count_confidently(labels, probs)
    flagged = np.flatnonzero(count.flagged)
    scores = np.asarray(_SCORES[score](labels[flagged], probs[flagged]), dtype=np.float64)
    order = np.argsort(scores, kind="stable")
    flagged, scores = flagged[order], scores[order]
    own, other = labels[flagged], count.predicted[flagged].astype(np.int64)
    known = rightly_known(labels, probs, count.thresholds)
    bounds, sureness = usual_margins(labels, probs, known), usual_sureness(labels, probs, count.flagged)
    support = log_support(probs[flagged])
    at = np.arange(len(flagged))
    witnesses = Witnesses(
        margin=support[at, own] - support[at, other],
        usual_margin=bounds[own, other],
        sureness=probs[flagged, other].astype(np.float64),
        usual_sureness=sureness[other],
        copies=None if copies is None else count_copies(copies[kept], labels, flagged, other),
        neighbours=None if vectors is None else _ask_neighbours(vectors[kept], labels, flagged, other),
        votes=None
        if consensus is None
        else _ask_people(consensus, given.classes, kept[flagged], other, votes_alone=votes_alone),
    )
    kind = tell_kinds(witnesses, own, other)
    suggested = _suggest(witnesses.votes, own, other)
    return LabelIssues(count, kept, kept[flagged], kind, scores, suggested, score, witnesses, other)


def inspect_labels(
    issues: LabelIssues,
    given: Predictions,
    *,
    split: str,
    label_column: str,
    about_model: str,
    precision: Measurement | None = None,
) -> CheckResult:
    """The flagged rows as a check's result.

    Args:
        issues: From `find_label_issues` of the same predictions.
        given: The predictions.
        split: Their split.
        label_column: Where the given label stands.
        about_model: How the probabilities were made, in words.
        precision: Share of flagged rows that an audit found truly mislabelled; None without an audit.
    """
    rows, flagged = len(issues.kept), len(issues.rows)
    per_kind = {kind: int((issues.kind == kind).sum()) for kind in KINDS}
    overall = replace(_share(flagged, rows, split), detail=issues.count.note)
    measurements = (overall, *_per_class(issues, given, split))
    return CheckResult(
        _NAME,
        Outcome.UNDECIDED if flagged else Outcome.PASS,
        _summary(issues, per_kind, split, precision),
        _numbers(issues, given, per_kind, split),
        tuple(_findings(issues, given, split, label_column)),
        tuple(_told_how(one, about_model) for one in measurements) + ((precision,) if precision else ()),
        tuple(_flagged_rows(issues, given, split)),
    )


def _check_inputs(
    given: Predictions,
    score: str,
    vectors: NDArray[np.float32] | None,
    consensus: Consensus | None,
    copies: NDArray[np.int64] | None,
) -> None:
    if score not in _SCORES:
        names = ", ".join(f"'{name}'" for name in _SCORES)
        raise InvalidInputError(
            f"a label score must be one of {names}, got '{score}'{nearest_name(score, _SCORES)}"
        )
    n = len(given.truth)
    posterior = None if consensus is None else consensus.posterior
    for name, values in (("vectors", vectors), ("consensus", posterior), ("copies", copies)):
        if values is not None and len(values) != n:
            raise InvalidInputError(
                f"{name} must hold one entry for each of the {n:,} predictions, got {len(values):,}; "
                "take them from the same split in the same order"
            )
    if not (given.truth >= 0).any():
        raise InvalidInputError(
            f"label issues need at least one row with a label among the {len(given.classes)} classes, got "
            f"none in {n:,}; check that the predictions were made for this label column"
        )


def _ask_neighbours(
    vectors: NDArray[np.float32],
    labels: NDArray[np.int64],
    flagged: NDArray[np.int64],
    other: NDArray[np.int64],
) -> Backing:
    """The nearest rows, the row itself left out."""
    rows = nearest(vectors[flagged], vectors, k=NEIGHBOURS + 1).rows
    is_left_out = rows == flagged[:, None]
    # Where many copies push the row itself off its own list, the last of the list is left out instead.
    is_left_out[~is_left_out.any(axis=1), -1] = True
    rows = rows[~is_left_out].reshape(len(flagged), NEIGHBOURS)
    return count_neighbours(np.where(rows >= 0, labels[rows], _NO_LABEL), labels[flagged], other)


def _ask_people(
    consensus: Consensus,
    classes: tuple[str, ...],
    rows: NDArray[np.int64],
    other: NDArray[np.int64],
    *,
    votes_alone: bool,
) -> VotedLabels:
    """The votes of these rows, in the codes of the predictions; labels that the model lacks come last."""
    strangers = tuple(name for name in consensus.classes if name not in classes)
    everyone = (*classes, *strangers)
    places = {name: place for place, name in enumerate(everyone)}
    posterior = np.zeros((len(rows), len(places)))
    posterior[:, [places[name] for name in consensus.classes]] = consensus.posterior[rows]
    has_votes = consensus.label[rows] >= 0
    if not votes_alone:
        # A model that was heard among the people must not confirm itself.
        has_votes &= (posterior.max(axis=1) > HALF) & (posterior.argmax(axis=1) != other)
    return read_votes(everyone, posterior, has_votes)


def _suggest(
    votes: VotedLabels | None, own: NDArray[np.int64], other: NDArray[np.int64]
) -> NDArray[np.int64]:
    """What people decided goes before what the model says."""
    if votes is None:
        return other
    return np.where(votes.label == own, _NO_LABEL, np.where(votes.label >= 0, votes.label, other))


def _numbers(
    issues: LabelIssues, given: Predictions, per_kind: Mapping[str, int], split: str
) -> dict[str, float | int | None]:
    rows, flagged = len(issues.kept), len(issues.rows)
    disagreeing = int((given.predicted[issues.kept] != given.truth[issues.kept]).sum())
    expected = float(issues.count.expected_errors)
    numbers: dict[str, float | int | None] = {"rows": rows, "left_out": len(given.truth) - rows}
    numbers |= {"flagged": flagged, "flagged_share": flagged / rows} | dict(per_kind)
    numbers |= {"expected_errors": expected, "expected_error_share": expected / rows}
    numbers |= {"argmax_disagreement": disagreeing, "argmax_disagreement_share": disagreeing / rows}
    return {f"{name}_{split}": value for name, value in numbers.items()}


def _per_class(issues: LabelIssues, given: Predictions, split: str) -> list[Measurement]:
    k = len(given.classes)
    totals = np.bincount(given.truth[issues.kept], minlength=k)
    flagged = np.bincount(given.truth[issues.rows], minlength=k)
    return [
        _share(int(flagged[code]), int(totals[code]), split, slice_of=f"class={name}")
        for code, name in enumerate(given.classes)
    ]


def _share(hits: int, rows: int, split: str, *, slice_of: str = "all") -> Measurement:
    name = "flagged_share"
    if rows == 0:
        why = "no row carries this label"
        return Measurement(name, None, "share", 0, "", split=split, slice=slice_of, detail=why)
    bounds = wilson_interval(hits, rows)
    return Measurement(
        name, hits / rows, "share", rows, "", low=bounds.low, high=bounds.high, split=split, slice=slice_of
    )


def _told_how(measurement: Measurement, about_model: str) -> Measurement:
    return replace(
        measurement, method=f"flags of confident learning, Wilson interval 95%; probabilities: {about_model}"
    )


def _summary(
    issues: LabelIssues, per_kind: Mapping[str, int], split: str, precision: Measurement | None
) -> str:
    rows, flagged = len(issues.kept), len(issues.rows)
    if not flagged:
        return f"none of {rows:,} labels of {split_place(split)} is doubted"
    told = ", ".join(f"{count:,} {kind}" for kind, count in per_kind.items())
    if precision is None or precision.value is None:
        more = "; nobody has checked how many of them are truly wrong"
    else:
        more = f"; an audit of {precision.n:,} rows found {precision.value:.0%} of those it saw truly wrong"
    return f"{flagged:,} of {rows:,} labels of {split_place(split)} are doubted: {told}{more}"


def _findings(issues: LabelIssues, given: Predictions, split: str, column: str) -> list[Finding]:
    """The worst of what may be wrong first, then ambiguous, then hard."""
    order = np.concatenate([np.flatnonzero(issues.kind == kind) for kind in KINDS])[:_MOST_FINDINGS]
    found = []
    for at in order.tolist():
        row, kind, suggested = int(issues.rows[at]), str(issues.kind[at]), int(issues.suggested[at])
        own, other = int(given.truth[row]), int(issues.model_label[at])
        why = describe(issues.witnesses, at, names=(given.classes[own], given.classes[other]))
        put = _name_of(suggested, given.classes)
        remedy = REMEDIES[kind].format(given=given.classes[own], suggested=put)
        what = f"{row_place(split, row)} is labelled '{given.classes[own]}': {why}"
        score = float(issues.score[at])
        found.append(Finding(_NAME, split, row, column, what, remedy, kind, score, put))
    return found


def _flagged_rows(issues: LabelIssues, given: Predictions, split: str) -> list[FlaggedRows]:
    found = []
    for kind in KINDS:
        at = np.flatnonzero(issues.kind == kind)
        if len(at):
            names = tuple(_name_of(code, given.classes) for code in issues.suggested[at].tolist())
            found.append(FlaggedRows(split, kind, issues.rows[at], issues.score[at], names))
    return found


def _name_of(code: int, classes: tuple[str, ...]) -> str | None:
    return classes[code] if 0 <= code < len(classes) else None
