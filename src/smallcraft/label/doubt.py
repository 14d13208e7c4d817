"""How probable it is that a given label is wrong: from what a model says, then from adjudicated rows.

1. how often a class to which a model gave so much was the label given: the probabilities of all rows and
classes
   put right against the labels themselves, which takes no truth and mends the tail that matters here
2. the share of wrong labels: what confident learning counts (`stats.confident`), or less where classes that
the
   model rules out are given less often than such a share would make them
3. were labels wrong at random, how probable each is wrong, by Bayes' rule from frequency and share
4. that chance bent by a logistic curve through rows whose truth is known, where there are `LEAST_AUDITED`

Always: chances lie in [0, 1], and none is 1 where labels were counted; `is_calibrated` is False where nobody
has looked at enough rows.
Not covered: labels that are wrong in a way the model has learned; only adjudicated rows show these.
Source: Northcutt, Jiang, Chuang (2021), JAIR 70:1373-1411; Platt (1999) for the curve.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from smallcraft.errors import InvalidInputError
from smallcraft.records import Predictions
from smallcraft.stats.confident import count_confidently

LEAST_AUDITED = 50
_HITS = 50
_MOST_PAIRS = 20_000_000
_LEAST = 1e-4
_PULL = 1.0
_STEPS = 50


@dataclass(frozen=True)
class Doubt:
    """What speaks against each label.

    Attributes:
        wrong: `(n,)` float64 chance that the given label is wrong; of a row without a label, that the model's
            answer is.
        method: How it was made, in words.
        is_calibrated: True when adjudicated rows stand behind it.
        share: Of wrong labels among those given, as counted without truth.
    """

    wrong: NDArray[np.float64]
    method: str
    is_calibrated: bool
    share: float


def doubt_labels(given: Predictions, *, audited: NDArray[np.int64] | None = None) -> Doubt:
    """The chance of each label to be wrong.

    Args:
        given: Out-of-sample probabilities beside the given labels (-1: none).
        audited: `(n,)` int64 true codes of rows that people adjudicated, -1 elsewhere; best those of a random
            arm, for targeted rows are not like the others.

    Raises:
        InvalidInputError: Another number of audited rows, or fewer than two labels are known.
    """
    labelled = np.flatnonzero(given.truth >= 0)
    if audited is not None and len(audited) != len(given.truth):
        raise InvalidInputError(
            f"audited truth holds one entry a row ({len(given.truth):,}), got {len(audited):,}; take it "
            "from the same rows"
        )
    wrong = 1 - given.probs.max(axis=1)
    if len(labelled) == 0:
        return Doubt(wrong, "no row has a label: the chance that the model's answer is wrong", False, 0.0)
    labels, probs = given.truth[labelled], given.probs[labelled]
    said, k = said_how_often(labels, probs), probs.shape[1]  # (1)
    share = min(
        count_confidently(labels, probs).expected_errors / len(labels), float(said.min()) * (k - 1)
    )  # (2)
    wrong[labelled] = wrong_at_random(said, share=share, k=k)  # (3)
    how = f"{share:.1%} of labels wrong by confident learning and the noise floor, as if wrong at random"
    known = np.flatnonzero((audited >= 0) & (given.truth >= 0)) if audited is not None else labelled[:0]
    if audited is None or len(known) < LEAST_AUDITED:
        return Doubt(wrong, how, False, share)
    curve = _fit_curve(_logit(wrong[known]), (audited[known] != given.truth[known]).astype(np.float64))  # (4)
    wrong[labelled] = _sigmoid(curve[0] + curve[1] * _logit(wrong[labelled]))
    return Doubt(wrong, f"{how}; calibrated on {len(known):,} adjudicated rows", True, share)


def said_how_often(labels: NDArray[np.int64], probs: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each row, how often a class with such a probability as its own label has was the label given.

    All pairs of row and class, in order of probability, in bins of `_HITS` given labels each, made to rise
    (pool adjacent violators).

    Args:
        labels: `(n,)` int64 codes.
        probs: `(n, k)` float64.

    Returns:
        `(n,)` float64 in (0, 1].

    >>> said_how_often(np.array([0, 1]), np.array([[0.9, 0.1], [0.1, 0.9]])).tolist()
    [0.5, 0.5]
    """
    n, k = probs.shape
    step = max(1, n * k // _MOST_PAIRS)
    part, own = probs[::step], labels[::step]
    order = np.argsort(part, axis=None, kind="stable")
    is_hit = order % k == own[order // k]
    ends = np.flatnonzero(is_hit)[_HITS - 1 :: _HITS] + 1
    ends = np.concatenate([ends[:-1], [len(order)]]) if len(ends) else np.array([len(order)])
    sizes = np.diff(ends, prepend=0)
    hits = np.add.reduceat(is_hit.astype(np.float64), ends - sizes)
    rising = isotonic_regression(hits / sizes, weights=sizes.astype(np.float64)).x
    tops = part.ravel()[order[ends - 1]]
    place = np.searchsorted(tops, probs[np.arange(n), labels], side="left")
    return np.asarray(rising[np.minimum(place, len(rising) - 1)], dtype=np.float64)


def wrong_at_random(said: NDArray[np.float64], *, share: float, k: int) -> NDArray[np.float64]:
    """The chance of each label to be wrong if a share of them was replaced by other classes at random.

    A class that is given with frequency `p` is then the true one with the chance `(p - e) / (1 - share - e)`,
    `e = share / (k - 1)`, and of labels that say a true class `1 - share` are right.

    Args:
        said: `(n,)` float64, how often the label would be given to such a row, above 0.
        share: Of wrong labels, in [0, 1).
        k: Classes.

    Returns:
        `(n,)` float64 in [0, 1); what a bin of labels cannot tell from 1 stays below it.

    >>> wrong_at_random(np.array([0.8, 0.2]), share=0.2, k=2).round(3).tolist()
    [0.0, 0.98]
    """
    stray = share / max(k - 1, 1)
    if 1 - share <= stray:
        return np.full(len(said), min(share, 1 - 1 / _HITS))
    right = (1 - share) * (said - stray) / ((1 - share - stray) * said)
    return np.asarray(1 - np.clip(right, 1 / _HITS, 1.0))


def _fit_curve(at: NDArray[np.float64], is_wrong: NDArray[np.float64]) -> NDArray[np.float64]:
    """Start and slope of a logistic curve, pulled towards 0 and 1 so that few rows change little."""
    design = np.column_stack([np.ones(len(at)), at])
    usual = np.array([0.0, 1.0])
    weights = usual.copy()
    for _ in range(_STEPS):
        chance = _sigmoid(design @ weights)
        slope = design.T @ (chance - is_wrong) + _PULL * (weights - usual)
        bend = (design * (chance * (1 - chance))[:, None]).T @ design + _PULL * np.eye(2)
        step = np.linalg.solve(bend, slope)
        weights = weights - step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-9:
            break
    # A curve that falls would turn the ranking round on the word of a few rows.
    return np.array([weights[0], max(weights[1], 0.0)])


def _logit(chance: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(chance, _LEAST, 1 - _LEAST)
    return np.asarray(np.log(inside / (1 - inside)))


def _sigmoid(score: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-score)))
