"""What to believe of a row after votes, where the given label's chance to be wrong is known row by row.

A consensus over a whole table takes every source to be as good on one row as on another. Rows asked about
because their labels look wrong are not like the others: there the given label is worse than it is on average,
and who contradicts it would be taken for careless. So the given label and the model make a prior of each
row's own, and people, each with one chance of being right, are heard on top of it (EM; rows whose truth is
known hold it fixed).
Always: a row nobody voted on keeps its prior; skills lie in (0, 1), few votes leave them near `USUAL_SKILL`.
Not covered: people who make the same mistake of the same class; their wrong votes are taken to say any other.
Source: Dawid and Skene (1979), JRSS C 28:20-28, with one parameter a person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.data.votes import Votes

USUAL_SKILL = 0.9
_WORTH = 10.0
_MOST_PASSES, _CLOSE = 50, 1e-6


@dataclass(frozen=True)
class Belief:
    """What stands after the votes.

    Attributes:
        posterior: `(n, k)` float64, rows sum to 1.
        skill: `(people,)` float64, how often each is right.
    """

    posterior: NDArray[np.float64]
    skill: NDArray[np.float64]


def prior_of_rows(
    probs: NDArray[np.float64], given: NDArray[np.int64], wrong: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`(n, k)` float64: the given label with its chance to be right, the rest as the model shares it out.

    Args:
        probs: `(n, k)` float64 out-of-sample probabilities.
        given: `(n,)` int64 codes; of a row without one (-1) the model's word stands alone.
        wrong: `(n,)` float64.

    >>> prior_of_rows(np.array([[0.2, 0.6, 0.2]]), np.array([0]), np.array([0.5])).round(3).tolist()
    [[0.5, 0.375, 0.125]]
    """
    n, k = probs.shape
    labelled = np.flatnonzero(given >= 0)
    others = probs.copy()
    others[labelled, given[labelled]] = 0.0
    total = others.sum(axis=1, keepdims=True)
    even = np.full((n, k), 1.0 / max(k - 1, 1))
    even[labelled, given[labelled]] = 0.0
    shared = np.where(total > 0, others / np.where(total > 0, total, 1.0), even)
    prior = shared * np.where(given >= 0, wrong, 1.0)[:, None]
    prior[labelled, given[labelled]] = 1 - wrong[labelled]
    return np.asarray(prior)


def believe(prior: NDArray[np.float64], votes: Votes, *, truth: NDArray[np.int64] | None = None) -> Belief:
    """Hear everybody.

    Args:
        prior: `(n, k)` float64, rows sum to 1.
        votes: Of the same rows and classes.
        truth: `(n,)` int64 codes of rows whose truth is known, -1 elsewhere.
    """
    k = prior.shape[1]
    item, who, said = votes.item_of_vote, votes.annotator, votes.label
    people = len(votes.annotators)
    skill = np.full(people, USUAL_SKILL)
    seen = np.bincount(who, minlength=people)
    known = np.flatnonzero(truth >= 0) if truth is not None else np.empty(0, dtype=np.int64)
    posterior = prior
    for _ in range(_MOST_PASSES):
        posterior = _heard(prior, item, said, _lead(skill, k)[who])
        if truth is not None:
            posterior[known] = np.eye(k)[truth[known]]
        right = np.bincount(who, weights=posterior[item, said], minlength=people)
        now = (right + _WORTH * USUAL_SKILL) / (seen + _WORTH)
        moved = float(np.abs(now - skill).max(initial=0.0))
        skill = now
        if moved < _CLOSE:
            break
    return Belief(posterior, skill)


def _lead(skill: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """How many nats a vote speaks for its class against each other one."""
    inside = np.clip(skill, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(inside * max(k - 1, 1) / (1 - inside)))


def _heard(
    prior: NDArray[np.float64], item: NDArray[np.int64], said: NDArray[np.int32], lead: NDArray[np.float64]
) -> NDArray[np.float64]:
    scores = np.log(np.maximum(prior, 1e-12))
    np.add.at(scores, (item, said), lead)
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
