"""A threshold a label with the highest F1, drawn towards the common one where a label is rare.

How strongly it is drawn is chosen on rows that the thresholds were not fitted to.
Always: every threshold lies in (0, 1]; a label that no row has gets the common threshold.
Source: Lipton, Elkan and Naryanaswamy (2014), ECML PKDD, 225-239 (thresholds by F1, and how noisy those of
rare labels are).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Rows with the label that the common threshold counts as much as; infinity takes the common one for all.
_STRENGTHS = (0.0, 3.0, 10.0, 30.0, 100.0, np.inf)
_FOLDS = 5


def fit_thresholds(probs: Floats, truth: Bools, *, seed: int) -> Floats:
    """Thresholds of each label.

    Args:
        probs: `(n, k)` float64 in [0, 1], out of fold.
        truth: `(n, k)` bool.
        seed: Deals the rows into folds.

    Returns:
        `(k,)` float64; a label is given where its probability is at least its threshold.

    >>> fit_thresholds(np.array([[0.1], [0.6], [0.7]]), np.array([[False], [True], [True]]), seed=0)
    array([0.35])
    """
    folds = np.random.default_rng([seed, 5]).permutation(len(probs)) % _FOLDS
    chosen = {strength: np.zeros_like(truth) for strength in _STRENGTHS}
    for fold in np.unique(folds) if len(probs) >= _FOLDS else ():
        held = folds == fold
        own, common = _own_and_common(probs[~held], truth[~held])
        for strength, answers in chosen.items():
            drawn = _draw(own, common, truth[~held].sum(axis=0), strength)
            answers[held] = probs[held] >= drawn
    # Of equal ones the strongest: a common threshold is the simpler claim.
    best = max(_STRENGTHS, key=lambda strength: (macro_f1(chosen[strength], truth), strength))
    own, common = _own_and_common(probs, truth)
    return _draw(own, common, truth.sum(axis=0), best)


def best_threshold(probs: Floats, truth: Bools) -> float:
    """The threshold with the highest F1, halfway to the next lower probability; 0.5 where no row counts.

    Args:
        probs: `(n,)`.
        truth: `(n,)`.
    """
    if not truth.any():
        return 0.5
    order = np.argsort(-probs, kind="stable")
    sorted_probs, hits = probs[order], np.cumsum(truth[order])
    f1 = 2 * hits / (np.arange(1, len(probs) + 1) + truth.sum())
    # Equal probabilities are given together or not at all.
    ends = np.append(sorted_probs[1:] < sorted_probs[:-1], True)
    last = int(np.argmax(np.where(ends, f1, -1.0)))
    below = sorted_probs[last + 1] if last + 1 < len(probs) else 0.0
    return float((sorted_probs[last] + below) / 2)


def macro_f1(answers: Bools, truth: Bools) -> float:
    """Mean F1 over the labels that a row has or was given; 0 where there is none.

    Args:
        answers: `(n, k)` bool.
        truth: `(n, k)` bool.
    """
    hits = (answers & truth).sum(axis=0)
    total = answers.sum(axis=0) + truth.sum(axis=0)
    is_seen = total > 0
    return float(np.mean(2 * hits[is_seen] / total[is_seen])) if is_seen.any() else 0.0


def _own_and_common(probs: Floats, truth: Bools) -> tuple[Floats, float]:
    own = np.array([best_threshold(probs[:, label], truth[:, label]) for label in range(probs.shape[1])])
    return own, best_threshold(probs.ravel(), truth.ravel())


def _draw(own: Floats, common: float, rows_with: NDArray[np.int64], strength: float) -> Floats:
    if np.isinf(strength):
        return np.full_like(own, common)
    weight = np.where(rows_with > 0, rows_with / np.maximum(rows_with + strength, 1e-12), 0.0)
    drawn: Floats = weight * own + (1 - weight) * common
    return drawn
