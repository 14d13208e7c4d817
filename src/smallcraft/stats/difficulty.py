"""Sorts rows into easy, ambiguous, hard and likely mislabelled, against what chance alone would show.

A label *stands out* on a row where its probability is further ahead of the next one (the gap, a difference
of logarithms) than chance explains, and is *confident* where it reaches its class's threshold of confident
learning. Then a row is:
- easy: its given label stands out
- ambiguous: none does, and the given label is one of the first two
- likely mislabelled: another label stands out and is confident
- hard: the rest; the given label is not found, and nothing else is with conviction

What chance explains comes from one of two nulls, and they do not support the same thing:
- a model *trained* on permuted labels (`gap_of_null_model`) shows the gaps that arise where there is nothing
  to learn. A larger gap means that the features speak. It holds for any number of classes and any model.
- labels permuted *against the same probabilities* (`gap_of_permuted_labels`) show how far behind a label
  put there at random lies. A first label stands out where its runner-up is as far behind as that. The model
  is taken as it is, so this says nothing of what it learned by chance, and with few classes or a weak model
  a random label is often near the first: the bound falls to 0, and no row can be told to be ambiguous.
Always: every row with a known label is of exactly one sort.
Left to others: class thresholds (`stats.confident`), training logs (`stats.cartography`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.stats.intervals import require_fraction
from smallcraft.stats.label_scores import LEAST_PROBABILITY

SORTS = ("easy", "ambiguous", "hard", "likely mislabelled")
_BLOCK_NUMBERS = 1 << 18
_EASY, _AMBIGUOUS, _HARD, _MISLABELLED = range(len(SORTS))


@dataclass(frozen=True)
class Standing:
    """How the labels of each row stand to each other.

    Attributes:
        first: `(n,)` int64 code of the most probable label; the given one where it ties for first.
        highest: `(n,)` float64 probability of that label.
        gap: `(n,)` float64 logarithm of the first probability less that of the second, at least 0.
        margin: `(n,)` float64 logarithm of the given label's probability less the highest other one.
        is_in_first_two: `(n,)`: the given label is first or second, ties counted in its favour.
    """

    first: NDArray[np.int64]
    highest: NDArray[np.float64]
    gap: NDArray[np.float64]
    margin: NDArray[np.float64]
    is_in_first_two: NDArray[np.bool_]


def rank_labels(labels: NDArray[np.int64], probs: NDArray[np.floating]) -> Standing:
    """How each row's given label stands to the others.

    Args:
        labels: `(n,)` codes in `[0, k)`.
        probs: `(n, k)` with `k` at least 2.

    Raises:
        InvalidInputError: One class only.

    >>> standing = rank_labels(np.array([2, 0]), np.array([[0.5, 0.3, 0.2], [0.5, 0.5, 0.0]]))
    >>> standing.first.tolist(), standing.is_in_first_two.tolist(), standing.gap.round(2).tolist()
    ([0, 0], [False, True], [0.51, 0.0])
    """
    if probs.shape[1] < 2:
        raise InvalidInputError("difficulty is about telling labels apart: two classes at least, got one")
    own = np.asarray(probs[np.arange(len(labels)), labels], dtype=np.float64)
    highest, second = _two_highest(probs)
    gap = _logarithm(highest) - _logarithm(second)
    margin = np.where(own >= highest, gap, _logarithm(own) - _logarithm(highest))
    first = np.where(own >= highest, labels, probs.argmax(axis=1)).astype(np.int64)
    return Standing(first, highest, gap, margin, np.asarray(own >= second))


def gap_of_null_model(probs: NDArray[np.floating], *, level: float = 0.05) -> float:
    """The gap that a model trained on permuted labels exceeds in a share `level` of rows.

    Args:
        probs: `(m, k)` out-of-sample probabilities of that model, made with the same settings and the same
            temperature as the real one (a temperature fitted on permuted labels flattens every gap).
        level: Share of rows, a fraction in (0, 1).

    Raises:
        InvalidInputError: No rows, one class, or a level outside (0, 1).

    >>> gap_of_null_model(np.array([[0.5, 0.5], [0.4, 0.6]]))  # doctest: +ELLIPSIS
    0.405...
    """
    require_fraction(level, "level")
    if not len(probs) or probs.shape[1] < 2:
        raise InvalidInputError(
            f"a null model needs rows and two classes at least, got shape {probs.shape}; leave it out"
        )
    highest, second = _two_highest(probs)
    return float(np.quantile(_logarithm(highest) - _logarithm(second), 1 - level, method="higher"))


def gap_of_permuted_labels(
    labels: NDArray[np.int64],
    probs: NDArray[np.floating],
    standing: Standing,
    *,
    rng: np.random.Generator,
    level: float = 0.05,
) -> float:
    """How far behind the first label one put there at random lies, in all but a share `level` of draws.

    Labels are permuted over the rows; a draw that gives a row its own label back is not counted.

    Args:
        labels: `(n,)` codes.
        probs: `(n, k)`.
        standing: From `rank_labels` of the same.
        rng: Permutes.
        level: Share of draws, a fraction in (0, 1).

    Returns:
        At least 0; 0 where random labels come first too often, or no draw gave another label.

    Raises:
        InvalidInputError: A level outside (0, 1).
    """
    require_fraction(level, "level")
    drawn = rng.permutation(labels)
    other = np.flatnonzero(drawn != labels)
    if not len(other):
        return 0.0
    own = np.asarray(probs[other, drawn[other]], dtype=np.float64)
    behind = _logarithm(own) - _logarithm(standing.highest[other])
    margins = np.where(behind < 0, behind, standing.gap[other])
    return max(0.0, -float(np.quantile(margins, 1 - level, method="higher")))


def sort_rows(
    labels: NDArray[np.int64], standing: Standing, *, gap: float, thresholds: NDArray[np.floating]
) -> NDArray[np.int64]:
    """The sort of each row, by the rule of the header.

    Args:
        labels: `(n,)` codes.
        standing: From `rank_labels` of them.
        gap: What chance explains, from one of the nulls.
        thresholds: `(k,)` class thresholds of confident learning.

    Returns:
        `(n,)` places in `SORTS`.

    >>> probs = np.array([[0.9, 0.1], [0.55, 0.45], [0.9, 0.1], [0.7, 0.3]])
    >>> labels = np.array([0, 0, 1, 1])
    >>> codes = sort_rows(labels, rank_labels(labels, probs), gap=0.5, thresholds=np.array([0.8, 0.8]))
    >>> [SORTS[code] for code in codes]
    ['easy', 'ambiguous', 'likely mislabelled', 'hard']
    """
    stands_out = standing.gap > gap
    is_given = standing.first == labels
    confident = standing.highest >= thresholds[standing.first]
    sorts = np.full(len(labels), _HARD, dtype=np.int64)
    sorts[~stands_out & standing.is_in_first_two] = _AMBIGUOUS
    sorts[stands_out & is_given] = _EASY
    sorts[stands_out & ~is_given & confident] = _MISLABELLED
    return sorts


def _two_highest(probs: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The highest and the second highest of each row, without sorting, in blocks that stay in the cache."""
    n, k = probs.shape
    highest, second = np.empty(n), np.empty(n)
    step = max(1, _BLOCK_NUMBERS // k)
    for start in range(0, n, step):
        columns = np.asarray(probs[start : start + step].T, dtype=np.float64, order="C")
        top, next_to = np.maximum(columns[0], columns[1]), np.minimum(columns[0], columns[1])
        for column in columns[2:]:
            np.maximum(next_to, np.minimum(top, column), out=next_to)
            np.maximum(top, column, out=top)
        highest[start : start + step], second[start : start + step] = top, next_to
    return highest, second


def _logarithm(probability: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(np.log(np.maximum(np.asarray(probability, dtype=np.float64), LEAST_PROBABILITY)))
