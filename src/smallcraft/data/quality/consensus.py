"""What annotators say together of each row, how sure that is, and which given labels it contradicts.

1. Dawid-Skene whose prior is the crowd's own record, a classifier heard as one more annotator that says
   its class and how sure it is (`stats.dawid_skene`)
2. the posterior calibrated on adjudicated items, or tempered on held-out votes (`stats.vote_calibration`)
3. each annotator judged without its own votes (`data.quality.annotators`)

Always: an adjudicated item is calibrated by the others, never by itself; a row with neither a vote nor a
model's answer has no label (-1) and no confidence (NaN). Without adjudicated items `is_calibrated` is False:
no votes can show an error that all annotators share.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from smallcraft.data.quality.annotators import AnnotatorReport, Bench, judge_annotators
from smallcraft.data.votes import Votes
from smallcraft.data.wording import row_place, split_place
from smallcraft.errors import InvalidInputError
from smallcraft.records import CheckResult, Finding, FlaggedRows, Measurement, Outcome, Predictions
from smallcraft.stats.calibration import equal_mass_bins
from smallcraft.stats.dawid_skene import VoteFit, fit_crowd
from smallcraft.stats.vote_calibration import (
    Evidence,
    EvidenceWeights,
    evidence_of,
    unweighted,
    weigh_by_truth,
    weigh_by_votes,
)
from smallcraft.stats.vote_symbols import Witness

CHECK = "consensus"
SAYS_OTHERWISE = "votes say otherwise"
LEAST_GOLD = 50
_FOLDS = 5
_ROWS_PER_BIN, _MOST_BINS = 50, 10
_MOST_FINDINGS, _MOST_ANNOTATORS = 100, 10


@dataclass(frozen=True)
class Consensus:
    """What the votes say together.

    Attributes:
        classes: The `k` class names.
        posterior: `(n, k)` float64, calibrated as `method` says; rows sum to 1.
        label: `(n,)` int64 codes; -1 where there is neither a vote nor a model's answer.
        confidence: `(n,)` float64 posterior of the label; NaN where there is none.
        annotators: One report each, over all rows.
        method: How the posterior was made and calibrated, in words.
        is_calibrated: True when adjudicated items stand behind it.
        bench: What annotators are judged by, for reports over a part of the rows.
    """

    classes: tuple[str, ...]
    posterior: NDArray[np.float64]
    label: NDArray[np.int64]
    confidence: NDArray[np.float64]
    annotators: tuple[AnnotatorReport, ...]
    method: str
    is_calibrated: bool
    bench: Bench | None = None


def find_consensus(
    votes: Votes, *, model: Predictions | None = None, gold: NDArray[np.int64] | None = None, seed: int = 0
) -> Consensus:
    """Put the votes of each row together.

    Args:
        votes: The votes.
        model: Out-of-sample answers on the same rows, with its own classes; heard as one more annotator.
        gold: `(n,)` int64 adjudicated codes of `votes.classes`, -1 where there are none; from `LEAST_GOLD`
            on they calibrate. They never decide the label of their own row.
        seed: Of the folds, and of the held-out votes where there are many.

    Raises:
        InvalidInputError: The model or the adjudicated codes are of other rows or classes.
    """
    _check(votes, model, gold)
    witness = None if model is None else witness_of(model)
    fit = fit_crowd(
        votes.starts,
        votes.annotator,
        votes.label,
        n_annotators=len(votes.annotators),
        n_classes=len(votes.classes),
        witness=witness,
    )
    evidence = evidence_of(fit, witness)
    rng = np.random.default_rng(seed)
    by_votes, how = _weigh_by_others(votes, fit, evidence, rng)
    known = np.flatnonzero(gold >= 0) if gold is not None else np.empty(0, dtype=np.int64)
    if gold is not None and len(known) >= LEAST_GOLD:
        posterior = weigh_by_truth(evidence.at(known), gold[known]).posterior(evidence)
        posterior[known] = _cross_fitted(evidence.at(known), gold[known], rng)
        how = f"calibrated on {len(known):,} adjudicated rows, each by the others"
    else:
        posterior = by_votes.posterior(evidence)
    if witness is not None:
        by_votes, _ = _weigh_by_others(votes, fit, replace(evidence, witness=None), rng)
    bench = Bench(fit.confusion, fit.prior, by_votes.votes)
    is_silent = (votes.votes_of_item == 0) & (witness is None)
    return Consensus(
        classes=votes.classes,
        posterior=posterior,
        label=np.where(is_silent, -1, posterior.argmax(axis=1)).astype(np.int64),
        confidence=np.where(is_silent, np.nan, posterior.max(axis=1)),
        annotators=judge_annotators(votes, bench),
        method=f"Dawid-Skene{' with a model heard as an annotator' if witness else ''}; {how}",
        is_calibrated=len(known) >= LEAST_GOLD,
        bench=bench,
    )


def witness_of(model: Predictions) -> Witness:
    """What a classifier says, as codes: its class, and which of up to ten bins its confidence falls in.

    Bins hold equal numbers of rows of one predicted class, 50 at least where there are two or more.
    """
    predicted, sure = model.predicted, model.probs.max(axis=1)
    code, codes = np.zeros(len(sure), dtype=np.int32), 0
    for name in np.unique(predicted):
        rows = np.flatnonzero(predicted == name)
        bins = int(np.clip(len(rows) // _ROWS_PER_BIN, 1, _MOST_BINS))
        code[rows] = codes + equal_mass_bins(sure[rows], bins)
        codes += bins
    return Witness(code, max(codes, 1))


def inspect_consensus(
    consensus: Consensus, votes: Votes, *, given: NDArray[np.int64] | None, split: str
) -> CheckResult:
    """Given labels against the votes, and annotators against each other.

    Args:
        consensus: Of these rows.
        votes: Of these rows.
        given: `(n,)` int64 codes of `consensus.classes`, -1 for any other label; None without labels.
        split: Whose rows.

    Returns:
        UNDECIDED where a label is contradicted, or where there is nothing to compare; never FAIL: votes
        err too.
    """
    voted = votes.votes_of_item > 0
    compared = voted & (given >= 0) if given is not None else np.zeros(votes.n_items, dtype=np.bool_)
    flagged = _contradicted(consensus, given, compared, split)
    people = consensus.annotators
    if consensus.bench is not None:
        people = judge_annotators(votes, consensus.bench)
    numbers: dict[str, float | int | None] = {
        "rows": votes.n_items,
        "voted": int(voted.sum()),
        "one_vote": int((votes.votes_of_item == 1).sum()),
        "compared": int(compared.sum()),
        "flagged": len(flagged.rows),
        "flagged_share": len(flagged.rows) / int(compared.sum()) if compared.any() else None,
        "annotators": len(people),
        "is_calibrated": int(consensus.is_calibrated),
    }
    return CheckResult(
        CHECK,
        Outcome.PASS if compared.any() and not len(flagged.rows) else Outcome.UNDECIDED,
        _summary(numbers, consensus, votes, split),
        numbers,
        (*_people_findings(people, split), *_label_findings(flagged, consensus, given, split))[
            :_MOST_FINDINGS
        ],
        tuple(_accuracy(person, consensus, split) for person in people),
        (flagged,) if len(flagged.rows) else (),
    )


def _check(votes: Votes, model: Predictions | None, gold: NDArray[np.int64] | None) -> None:
    for name, values in (("model", None if model is None else model.probs), ("gold", gold)):
        if values is not None and len(values) != votes.n_items:
            raise InvalidInputError(
                f"{name} must hold one entry for each of the {votes.n_items:,} items, got {len(values):,}; "
                "take the same rows in the same order"
            )
    if gold is not None and len(gold) and int(gold.max()) >= len(votes.classes):
        raise InvalidInputError(
            f"gold must hold codes of the {len(votes.classes)} classes of the votes, got {int(gold.max())}; "
            "code it by votes.classes"
        )


def _cross_fitted(
    evidence: Evidence, gold: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Each row's posterior by the weights of the other folds."""
    fold = rng.permutation(len(gold)) % _FOLDS
    posterior = np.empty(evidence.votes.shape)
    for number in range(_FOLDS):
        inside, outside = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        weights = weigh_by_truth(evidence.at(outside), gold[outside])
        posterior[inside] = weights.posterior(evidence.at(inside))
    return posterior


def _weigh_by_others(
    votes: Votes, fit: VoteFit, evidence: Evidence, rng: np.random.Generator
) -> tuple[EvidenceWeights, str]:
    """Weights from how well an item's other votes (and the model) foretell each vote."""
    backed = np.flatnonzero((votes.votes_of_item >= 2)[votes.item_of_vote])
    if not len(backed):
        return unweighted(len(votes.classes)), (
            "as sure as the votes alone make it: no row has two votes, so nothing tells how often they err"
        )
    said = fit.confusion[votes.annotator[backed], :, votes.label[backed]]
    items = votes.item_of_vote[backed]
    others = evidence.votes[items] - np.log(said)
    witness = None if evidence.witness is None else evidence.witness[items]
    return weigh_by_votes(Evidence(others, witness), said, rng=rng), (
        f"tempered on {len(backed):,} held-out votes, which cannot show errors that annotators share"
    )


def _contradicted(
    consensus: Consensus, given: NDArray[np.int64] | None, compared: NDArray[np.bool_], split: str
) -> FlaggedRows:
    codes = np.full(len(compared), -1) if given is None else given
    rows = np.flatnonzero(compared & (consensus.label != codes)).astype(np.int64)
    score = consensus.posterior[rows, codes[rows]]
    order = np.argsort(score, kind="stable")
    suggested = tuple(consensus.classes[code] for code in consensus.label[rows[order]])
    return FlaggedRows(split, SAYS_OTHERWISE, rows[order], score[order], suggested)


def _summary(numbers: dict[str, float | int | None], consensus: Consensus, votes: Votes, split: str) -> str:
    parts = []
    if numbers["compared"]:
        parts.append(
            f"the votes say otherwise on {numbers['flagged']:,} of {numbers['compared']:,} voted rows of "
            f"{split_place(split)}"
        )
    else:
        parts.append(f"{split_place(split)} has no label beside a vote, so nothing could be compared")
    without = int((votes.votes_of_item == 0).sum())
    if without:
        parts.append(f"{without:,} rows have no vote")
    return "; ".join((*parts, f"{numbers['annotators']} annotators", consensus.method, *votes.notes))


def _label_findings(
    flagged: FlaggedRows, consensus: Consensus, given: NDArray[np.int64] | None, split: str
) -> list[Finding]:
    if given is None or flagged.score is None or flagged.suggested is None:
        return []
    found = []
    for row, score, suggested in zip(flagged.rows, flagged.score, flagged.suggested, strict=True):
        what = (
            f"{row_place(split, int(row))} is labelled '{consensus.classes[given[row]]}'; the votes say "
            f"'{suggested}' ({_sureness(float(consensus.confidence[row]))} sure)"
        )
        remedy = "look at the row, and take the label of the votes if it is right"
        found.append(
            Finding(CHECK, split, int(row), None, what, remedy, SAYS_OTHERWISE, float(score), suggested)
        )
        if len(found) == _MOST_FINDINGS:
            break
    return found


def _sureness(confidence: float) -> str:
    """Nothing is told as certain."""
    return f"{confidence:.0%}" if confidence < 0.995 else "over 99%"


def _people_findings(people: tuple[AnnotatorReport, ...], split: str) -> list[Finding]:
    """Annotators who are shown to be worse than all together, worst first."""
    judged = [person for person in people if person.accuracy is not None and person.interval is not None]
    total = sum(person.judged for person in judged)
    if not total:
        return []
    usual = sum(person.judged * (person.accuracy or 0.0) for person in judged) / total
    worse = [person for person in judged if person.interval and person.interval.high < usual]
    worse.sort(key=lambda person: person.accuracy or 0.0)
    return [_person_finding(person, usual, split) for person in worse[:_MOST_ANNOTATORS]]


def _person_finding(person: AnnotatorReport, usual: float, split: str) -> Finding:
    assert person.interval is not None
    slip = f"; {person.slip_words}" if person.slip else ""
    what = (
        f"{person.name} is right on {person.accuracy:.1%} of {person.judged:,} votes "
        f"[{person.interval.low:.1%}, {person.interval.high:.1%}], all annotators on {usual:.1%}{slip}"
    )
    remedy = "show the guideline for these classes again, and have others check these votes"
    return Finding(CHECK, split, None, person.name, what, remedy, "annotator", person.accuracy)


def _accuracy(person: AnnotatorReport, consensus: Consensus, split: str) -> Measurement:
    bounds = person.interval
    method = f"against the others' votes ({consensus.method}); Wilson 95 % of as many votes as inform"
    return Measurement(
        "annotator_accuracy",
        person.accuracy,
        "fraction",
        person.judged,
        method,
        low=None if bounds is None else bounds.low,
        high=None if bounds is None else bounds.high,
        split=split,
        slice=f"annotator={person.name}",
        detail=person.slip_words if person.judged else "nobody else voted on these rows",
    )
