"""How right each annotator is, as the other votes on the same items tell it.

Always: an annotator's own vote is taken out before it is judged, and the doubt of the others is part of the
interval; an annotator whose items nobody else voted on has no accuracy (None): a model alone, which learned
from these very votes, does not judge people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.data.votes import Votes
from smallcraft.records import Interval
from smallcraft.stats.intervals import wilson_interval

_STEPS, _CLOSE = 200, 1e-6
# A slip is told from so many expected votes on.
_LEAST_SLIPS = 2.0


@dataclass(frozen=True)
class Slip:
    """An annotator's most frequent error.

    Attributes:
        truth: The class.
        said: The label given for it instead.
        share: How often, of its votes on that class.
        votes: How many such votes, expected.
    """

    truth: str
    said: str
    share: float
    votes: float


@dataclass(frozen=True)
class AnnotatorReport:
    """One annotator.

    Attributes:
        name: As in the data.
        votes: All votes.
        judged: Votes on items that others voted on too.
        accuracy: Share of right votes; None where nothing was judged.
        interval: Of the accuracy; wide where the others are in doubt too.
        slip: Most frequent error; None where there is none to speak of.
        weight: Bits that one vote tells about the truth, on average.
    """

    name: str
    votes: int
    judged: int
    accuracy: float | None
    interval: Interval | None
    slip: Slip | None
    weight: float

    @property
    def slip_words(self) -> str:
        """`says refund_request for double_charge, 35%`; empty without a slip."""
        if self.slip is None:
            return ""
        return f"says {self.slip.said} for {self.slip.truth}, {self.slip.share:.0%}"


@dataclass(frozen=True)
class Bench:
    """What annotators are judged by.

    Attributes:
        confusion: `(annotators, k, k)` float64, true class by vote.
        vote_weight: By how much the log-likelihood of a vote was counted in the posterior.
        prior: `(k,)` float64.
    """

    confusion: NDArray[np.float64]
    vote_weight: float
    prior: NDArray[np.float64]


def others_posterior(votes: Votes, posterior: NDArray[np.float64], bench: Bench) -> NDArray[np.float64]:
    """`(m, k)` float64: for each vote the posterior of its item without that vote.

    Args:
        votes: The votes.
        posterior: `(n, k)` float64, all votes heard.
        bench: How much each of them counted.
    """
    said = bench.confusion[votes.annotator, :, votes.label]
    scores = np.log(np.maximum(posterior, 1e-300))[votes.item_of_vote]
    scores -= bench.vote_weight * np.log(said)
    scores -= scores.max(axis=1, keepdims=True)
    others = np.exp(scores)
    others /= others.sum(axis=1, keepdims=True)
    return np.asarray(others)


def judge_annotators(
    votes: Votes, posterior: NDArray[np.float64], bench: Bench, *, confidence: float = 0.95
) -> tuple[AnnotatorReport, ...]:
    """A report an annotator, in the order of `votes.annotators`; those without a vote here are left out.

    The accuracy is the most likely one given how likely the others make each label; the interval is Wilson's
    with as many votes as carry the same information.

    Args:
        votes: The votes.
        posterior: `(n, k)` float64 of the same items, all votes heard.
        bench: What they are judged by.
        confidence: Of the intervals.
    """
    people = len(votes.annotators)
    counted = np.bincount(votes.annotator, minlength=people)
    judged = (votes.votes_of_item >= 2)[votes.item_of_vote]
    right, wrong = _likelihoods(votes, posterior, bench)
    who = votes.annotator[judged]
    accuracy, informed = _most_likely(who, right[judged], wrong[judged], people)
    seen = np.bincount(who, minlength=people)
    slips = _slips(votes, posterior)
    weights = _bits(bench.confusion, bench.prior)
    return tuple(
        AnnotatorReport(
            name=name,
            votes=int(counted[code]),
            judged=int(seen[code]),
            accuracy=float(accuracy[code]) if seen[code] else None,
            interval=_interval(accuracy[code], informed[code], confidence) if seen[code] else None,
            slip=slips[code],
            weight=float(weights[code]),
        )
        for code, name in enumerate(votes.annotators)
        if counted[code]
    )


def _likelihoods(
    votes: Votes, posterior: NDArray[np.float64], bench: Bench
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each vote how likely it is if right, and if wrong, given what the others say."""
    others = others_posterior(votes, posterior, bench)
    at = np.arange(len(votes.label))
    right = others[at, votes.label]
    hit = np.diagonal(bench.confusion, axis1=1, axis2=2)[votes.annotator]
    said = bench.confusion[votes.annotator, :, votes.label]
    instead = others * said / np.maximum(1 - hit, 1e-12)
    instead[at, votes.label] = 0.0
    return right, instead.sum(axis=1)


def _most_likely(
    who: NDArray[np.int32], right: NDArray[np.float64], wrong: NDArray[np.float64], people: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Accuracy by EM on one number an annotator, and the votes that carry as much information."""
    seen = np.maximum(np.bincount(who, minlength=people), 1)
    accuracy = np.full(people, 0.9)
    for _ in range(_STEPS):
        own = accuracy[who]
        rightly = own * right / np.maximum(own * right + (1 - own) * wrong, 1e-300)
        now = np.bincount(who, weights=rightly, minlength=people) / seen
        moved = float(np.abs(now - accuracy).max(initial=0.0))
        accuracy = now
        if moved < _CLOSE:
            break
    inside = (accuracy * seen + 1) / (seen + 2)
    own = inside[who]
    slope = (right - wrong) / np.maximum(own * right + (1 - own) * wrong, 1e-300)
    informed = inside * (1 - inside) * np.bincount(who, weights=slope**2, minlength=people)
    return accuracy, np.minimum(informed, seen)


def _interval(accuracy: float, informed: float, confidence: float) -> Interval | None:
    if informed < _CLOSE:
        return None
    return wilson_interval(float(accuracy * informed), float(informed), level=confidence)


def _slips(votes: Votes, posterior: NDArray[np.float64]) -> Sequence[Slip | None]:
    people, k = len(votes.annotators), len(votes.classes)
    symbol, items = votes.annotator.astype(np.int64) * k + votes.label, votes.item_of_vote
    counts = [np.bincount(symbol, weights=column[items], minlength=people * k) for column in posterior.T]
    table = np.stack(counts, axis=1).reshape(people, k, k).swapaxes(1, 2)
    totals = table.sum(axis=2)
    off = np.where(np.eye(k, dtype=bool), 0.0, table)
    found: list[Slip | None] = []
    for person in range(people):
        truth, said = np.unravel_index(int(off[person].argmax()), (k, k))
        slips = float(off[person, truth, said])
        if slips < _LEAST_SLIPS:
            found.append(None)
            continue
        share = slips / float(totals[person, truth])
        found.append(Slip(votes.classes[truth], votes.classes[said], share, slips))
    return found


def _bits(confusion: NDArray[np.float64], prior: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mutual information of the truth and one vote, an annotator."""
    said = np.einsum("c,acl->al", prior, confusion)
    ratio = np.log2(np.maximum(confusion, 1e-300) / np.maximum(said, 1e-300)[:, None, :])
    return np.asarray(np.maximum(np.einsum("c,acl,acl->a", prior, confusion, ratio), 0.0))
