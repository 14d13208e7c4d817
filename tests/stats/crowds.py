"""Votes drawn from annotators whose confusion matrices are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Drawn:
    """Votes with what is true: item-sorted codes, the truth of each item, the annotators' matrices."""

    starts: np.ndarray
    annotator: np.ndarray
    label: np.ndarray
    truth: np.ndarray
    confusion: np.ndarray

    @property
    def sizes(self):
        return {"n_annotators": len(self.confusion), "n_classes": self.confusion.shape[1]}

    @property
    def items(self):
        return np.repeat(np.arange(len(self.truth)), np.diff(self.starts))


def draw_matrices(people, k, *, right, rng):
    """Rows sum to 1; the diagonal is drawn from an interval, the rest goes to few classes."""
    hit = rng.uniform(*right, (people, k))
    rest = rng.dirichlet(np.full(k - 1, 0.5), (people, k)) * (1 - hit)[:, :, None]
    matrices = np.empty((people, k, k))
    for c in range(k):
        matrices[:, c, c] = hit[:, c]
        matrices[:, c, np.arange(k) != c] = rest[:, c]
    return matrices


def draw_votes(matrices, *, items, each, seed, prior=None):
    """So many votes an item (a number, or one an item), each by another annotator."""
    rng = np.random.default_rng(seed)
    people, k = matrices.shape[:2]
    truth = rng.choice(k, items, p=prior)
    sizes = np.broadcast_to(each, items)
    who = np.concatenate([np.sort(rng.choice(people, size, replace=False)) for size in sizes])
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    rows = matrices[who, np.repeat(truth, sizes)].cumsum(axis=1)
    label = np.minimum((rng.random(len(who))[:, None] > rows).sum(axis=1), k - 1)
    return Drawn(starts, who.astype(np.int32), label.astype(np.int32), truth, matrices)


def draw_probs(truth, k, *, pull, seed):
    """A classifier's probabilities, calibrated by their making: the higher the pull, the better."""
    scores = np.random.default_rng(seed).normal(size=(len(truth), k))
    scores[np.arange(len(truth)), truth] += pull
    probs = np.exp(pull * scores)
    return probs / probs.sum(axis=1, keepdims=True)
