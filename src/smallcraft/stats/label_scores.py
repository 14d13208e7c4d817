"""Scores of a given label from a model's probabilities, one a row; lower is worse.

For two classes the margins and the self-confidence put rows into the same order.
Left to others: which rows are flagged, and all scores of a large table in one pass (`stats.confident`).
Always: computed in float64, in blocks, so that no second table is made; rows are taken as they are, whatever
they sum to.
Source: Northcutt, Jiang, Chuang (2021), Confident Learning, JAIR 70:1373-1411; Kuan, Mueller (2022),
Model-agnostic label quality scoring to detect real-world label errors, ICML DataPerf workshop.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from smallcraft.errors import InvalidInputError

# Below this a probability counts as this much in a logarithm: the least that float32 holds in full.
LEAST_PROBABILITY = float(np.finfo(np.float32).tiny)
_LEAST_DIVISOR = 1e-6
_BLOCK_NUMBERS = 1 << 18

Scores = NDArray[np.float64]


def self_confidence(labels: NDArray[np.int64], probs: NDArray[np.floating]) -> Scores:
    """The probability of the given label.

    Args:
        labels: `(n,)` integer codes in `[0, k)`.
        probs: `(n, k)` finite, from 0, k at least 2.

    Returns:
        `(n,)` in [0, 1].

    Raises:
        InvalidInputError: An argument breaks its rule.

    >>> self_confidence(np.array([0, 1]), np.array([[0.7, 0.3], [0.6, 0.4]])).tolist()
    [0.7, 0.4]
    """
    return _score_blocks(labels, probs, lambda given, _: given)


def normalized_margin(labels: NDArray[np.int64], probs: NDArray[np.floating]) -> Scores:
    """How far the given label is above the most probable other one, moved into [0, 1]; even is 0.5.

    Arguments and refusals as for `self_confidence`.

    >>> normalized_margin(np.array([0, 1]), np.array([[0.75, 0.25], [0.75, 0.25]])).tolist()
    [0.75, 0.25]
    """
    return _score_blocks(labels, probs, lambda given, others: (given - others.max(axis=1) + 1) / 2)


def logit_margin(labels: NDArray[np.int64], probs: NDArray[np.floating]) -> Scores:
    """Logarithm of how much more probable the given label is than the most probable other one; even is 0.

    Arguments and refusals as for `self_confidence`. A probability of 0 counts as the least full float32.

    >>> logit_margin(np.array([0, 1]), np.array([[0.75, 0.25], [0.5, 0.5]])).round(4).tolist()
    [1.0986, 0.0]
    """

    def score(given: Scores, others: Scores) -> Scores:
        ratio = np.maximum(given, LEAST_PROBABILITY) / np.maximum(others.max(axis=1), LEAST_PROBABILITY)
        return np.asarray(np.log(ratio))

    return _score_blocks(labels, probs, score)


def confidence_weighted_entropy(labels: NDArray[np.int64], probs: NDArray[np.floating]) -> Scores:
    """Entropy of the row over the probability of the given label, turned so that lower is worse.

    With `e` that quotient, the entropy taken in units of `log k`, the score is `log(1 + e) / e`.
    Arguments and refusals as for `self_confidence`.

    Returns:
        `(n,)` in [0, 1].

    >>> confidence_weighted_entropy(np.array([0, 1]), np.array([[0.9, 0.1], [0.9, 0.1]])).round(4).tolist()
    [0.8049, 0.3707]
    """
    base = np.log(np.shape(probs)[1]) if np.ndim(probs) == 2 and np.shape(probs)[1] > 1 else 1.0

    def score(given: Scores, others: Scores) -> Scores:
        entropy = -(xlogy(others, others).sum(axis=1) + xlogy(given, given)) / base
        quotient = entropy / np.maximum(given, _LEAST_DIVISOR)
        return np.asarray(np.log(quotient + 1) / np.maximum(quotient, _LEAST_DIVISOR))

    return _score_blocks(labels, probs, score)


def require_labels(labels: NDArray[np.int64], probs: NDArray[np.floating]) -> NDArray[np.int64]:
    """The labels as int64, once their shape and range, and the shape and type of `probs`, are right.

    Raises:
        InvalidInputError: What is wrong.
    """
    codes, table = np.asarray(labels), np.asarray(probs)
    if table.ndim != 2 or table.shape[1] < 2:
        raise InvalidInputError(
            f"probs must have shape (n, k) with one column for each of at least 2 classes, got {table.shape}"
        )
    if table.dtype not in (np.float32, np.float64):
        raise InvalidInputError(
            f"probs must be float32 or float64, got {table.dtype}; convert with `probs.astype(np.float64)`"
        )
    if codes.shape != table.shape[:1]:
        raise InvalidInputError(
            f"labels must have one code for each of the {len(table):,} rows of probs, got shape {codes.shape}"
        )
    if codes.dtype.kind not in "iu":
        raise InvalidInputError(
            f"labels must be integer codes, got {codes.dtype}; encode each by its column in probs"
        )
    if len(codes) and not (codes.min() >= 0 and codes.max() < table.shape[1]):
        row = int(np.flatnonzero((codes < 0) | (codes >= table.shape[1]))[0])
        raise InvalidInputError(
            f"labels must lie in [0, {table.shape[1]}), got {codes[row]} in row {row:,}; leave out the rows "
            "whose label is none of the classes"
        )
    return np.require(codes, np.int64, ["C", "A"])


def _score_blocks(
    labels: NDArray[np.int64], probs: NDArray[np.floating], score: Callable[[Scores, Scores], Scores]
) -> Scores:
    """`score` of what rows give their own label `(b,)` and the others `(b, k)`, the own one 0 there."""
    codes, table = require_labels(labels, probs), np.asarray(probs)
    found = np.empty(len(codes))
    step = max(1, _BLOCK_NUMBERS // table.shape[1])
    for start in range(0, len(codes), step):
        others = table[start : start + step].astype(np.float64)
        _require_finite(others, start)
        rows, own = np.arange(len(others)), codes[start : start + step]
        given = others[rows, own]
        others[rows, own] = 0
        found[start : start + step] = score(given, others)
    return found


def _require_finite(block: Scores, start: int) -> None:
    fits = np.isfinite(block) & (block >= 0)
    if fits.all():
        return
    row, column = (int(place[0]) for place in np.nonzero(~fits))
    raise InvalidInputError(
        f"probs must be finite and at least 0, got {block[row, column]} in row {start + row:,}, "
        f"column {column}; turn scores into probabilities by a softmax"
    )
