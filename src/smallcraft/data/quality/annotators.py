"""How right each annotator is, as the other votes on the same items tell it.

Always: an annotator's own vote is taken out before it is judged, and the doubt of the others is part of the
interval; an annotator whose items nobody else voted on has no accuracy (None). A model does not judge people:
it learned from these very votes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.data.votes import Votes
from smallcraft.records import Interval
from smallcraft.stats.intervals import wilson_interval

_STEPS, _CLOSE, _NOTHING = 200, 1e-6, 1e-300
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
        accuracy: Share of these votes that are right; None where nothing was judged.
        interval: Of that share; wide where the others are in doubt too. It takes how far the others can be
            believed as known, so it says less of rows to come.
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
        prior: `(k,)` float64.
        vote_weight: By how much the log-likelihood of a vote is counted.
    """

    confusion: NDArray[np.float64]
    prior: NDArray[np.float64]
    vote_weight: float = 1.0


@dataclass(frozen=True)
class Heard:
    """What the votes say of their items.

    Attributes:
        all_votes: `(m, k)` float64 posterior of each vote's item.
        others: `(m, k)` float64 the same without that vote.
    """

    all_votes: NDArray[np.float64]
    others: NDArray[np.float64]


def hear(votes: Votes, bench: Bench) -> Heard:
    """Every vote's item, with the vote and without it."""
    said = np.log(bench.confusion[votes.annotator, :, votes.label])
    items = votes.item_of_vote
    sums = [np.bincount(items, weights=column, minlength=votes.n_items) for column in said.T]
    scores = bench.vote_weight * (np.log(bench.prior) + np.stack(sums, axis=1)[items])
    others = scores - bench.vote_weight * said
    return Heard(_softmax(np.asarray(scores)), _softmax(np.asarray(others)))


def judge_annotators(votes: Votes, bench: Bench, *, confidence: float = 0.95) -> tuple[AnnotatorReport, ...]:
    """A report an annotator, in the order of `votes.annotators`; those without a vote here are left out.

    The accuracy is the most likely one given how likely the others make each label; the interval is Wilson's
    with as many votes as carry the same information.

    Args:
        votes: The votes.
        bench: What they are judged by.
        confidence: Of the intervals.
    """
    people = len(votes.annotators)
    counted = np.bincount(votes.annotator, minlength=people)
    judged = (votes.votes_of_item >= 2)[votes.item_of_vote]
    who, label, heard = votes.annotator[judged], votes.label[judged], hear(votes, bench)
    chances = _chances(heard.others[judged], who, bench.confusion)
    accuracy = _most_likely(chances, who, label, people)
    informed = _informed(chances, who, accuracy)
    seen = np.bincount(who, minlength=people)
    slips = _slips(votes, heard.all_votes)
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


@dataclass(frozen=True)
class _Chances:
    """How likely each label is from one vote, `(m, k)` float64: if the vote is right, and if it is wrong."""

    right: NDArray[np.float64]
    wrong: NDArray[np.float64]


def _chances(others: NDArray[np.float64], who: NDArray[np.int32], confusion: NDArray[np.float64]) -> _Chances:
    """Given the truth as the others see it; a wrong vote follows the annotator's own way of being wrong."""
    wrong = np.empty_like(others)
    order = np.argsort(who, kind="stable")
    bounds = np.searchsorted(who[order], np.arange(len(confusion) + 1))
    for person, matrix in enumerate(confusion):
        rows = order[bounds[person] : bounds[person + 1]]
        slips = matrix * (1 - np.eye(len(matrix)))
        wrong[rows] = others[rows] @ (slips / np.maximum(slips.sum(axis=1, keepdims=True), _NOTHING))
    return _Chances(others, wrong)


def _most_likely(
    chances: _Chances, who: NDArray[np.int32], label: NDArray[np.int32], people: int
) -> NDArray[np.float64]:
    """`(people,)` accuracy, by EM on one number an annotator."""
    at = np.arange(len(who))
    right, wrong = chances.right[at, label], chances.wrong[at, label]
    seen = np.maximum(np.bincount(who, minlength=people), 1)
    accuracy = np.full(people, 0.9)
    for _ in range(_STEPS):
        own = accuracy[who]
        rightly = own * right / np.maximum(own * right + (1 - own) * wrong, _NOTHING)
        now = np.bincount(who, weights=rightly, minlength=people) / seen
        moved = float(np.abs(now - accuracy).max(initial=0.0))
        accuracy = now
        if moved < _CLOSE:
            break
    return accuracy


def _informed(
    chances: _Chances, who: NDArray[np.int32], accuracy: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`(people,)` how many votes against a known truth would carry the same (Fisher) information."""
    seen = np.bincount(who, minlength=len(accuracy))
    # A vote's worth is finite at a share of 0 or 1 only from inside.
    inside = (accuracy * seen + 1) / (seen + 2)
    own = inside[who][:, None]
    likely = np.maximum(own * chances.right + (1 - own) * chances.wrong, _NOTHING)
    worth = ((chances.right - chances.wrong) ** 2 / likely).sum(axis=1)
    informed = inside * (1 - inside) * np.bincount(who, weights=worth, minlength=len(accuracy))
    return np.asarray(np.minimum(informed, seen))


def _interval(accuracy: float, informed: float, confidence: float) -> Interval | None:
    if informed < _CLOSE:
        return None
    return wilson_interval(float(accuracy * informed), float(informed), level=confidence)


def _slips(votes: Votes, truth: NDArray[np.float64]) -> Sequence[Slip | None]:
    people, k = len(votes.annotators), len(votes.classes)
    symbol = votes.annotator.astype(np.int64) * k + votes.label
    counts = [np.bincount(symbol, weights=column, minlength=people * k) for column in truth.T]
    table = np.stack(counts, axis=1).reshape(people, k, k).swapaxes(1, 2)
    totals = table.sum(axis=2)
    off = np.where(np.eye(k, dtype=bool), 0.0, table)
    found: list[Slip | None] = []
    for person in range(people):
        true, said = np.unravel_index(int(off[person].argmax()), (k, k))
        slips = float(off[person, true, said])
        if slips < _LEAST_SLIPS:
            found.append(None)
            continue
        share = slips / float(totals[person, true])
        found.append(Slip(votes.classes[true], votes.classes[said], share, slips))
    return found


def _bits(confusion: NDArray[np.float64], prior: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mutual information of the truth and one vote, an annotator."""
    said = np.einsum("c,acl->al", prior, confusion)
    ratio = np.log2(np.maximum(confusion, _NOTHING) / np.maximum(said, _NOTHING)[:, None, :])
    return np.asarray(np.maximum(np.einsum("c,acl,acl->a", prior, confusion, ratio), 0.0))


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
