"""A corpus whose training labels are partly replaced, people who are partly right, and a quick trainer.

The trainer is the rung `ngram`: features are made once, a head is fitted for every set of labels.
Always: corrupted labels, votes and folds come from one seed; frozen rows and the test keep their labels.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import Dataset
from smallcraft.bundle.inputs import Inputs
from smallcraft.label.vote_log import Vote
from smallcraft.models.calibrate import fit_scale
from smallcraft.models.parts.linear import Matrix, design_matrix, fit_margin, linear_logits
from smallcraft.models.parts.vocabulary import fit_ngrams, train_tokenizer
from smallcraft.records import Predictions

FOLDS = 5
_NEAR = 5


@dataclass(frozen=True)
class Planted:
    """Rows to train on, whose labels are partly wrong, frozen rows and the official test.

    Attributes:
        classes: The names.
        truth: `(n,)` codes of the training rows as they were.
        given: The same, a share of them replaced.
        frozen: `(f,)` codes of rows that nobody trains on.
        test: `(t,)` codes of the official test.
        matrix: Features of the training rows.
        asked: Features of the frozen rows and the test below them.
    """

    classes: tuple[str, ...]
    truth: NDArray[np.int64]
    given: NDArray[np.int64]
    frozen: NDArray[np.int64]
    test: NDArray[np.int64]
    matrix: Matrix
    asked: Matrix

    @property
    def items(self) -> tuple[str, ...]:
        """An id for each training row."""
        return tuple(f"row{place}" for place in range(len(self.truth)))


def plant(dataset: Dataset, *, wrong: float, frozen: int, seed: int, near: bool = False) -> Planted:
    """Hold rows out, replace a share of the labels of the others.

    Args:
        dataset: The official split.
        wrong: Share of labels to replace.
        frozen: Rows to hold out of training, with their labels.
        seed: Of all of it.
        near: Replace a label by one of the five classes whose texts are most like it, as people would,
            instead of by any other class alike.
    """
    rng = np.random.default_rng(seed)
    names = sorted({*dataset.train.labels, *dataset.test.labels})
    code = {name: place for place, name in enumerate(names)}
    labels, test = (
        np.array([code[name] for name in part.labels], dtype=np.int64)
        for part in (dataset.train, dataset.test)
    )
    order = rng.permutation(len(labels))
    held, kept = order[:frozen], np.sort(order[frozen:])
    texts = [str(text) for text in dataset.train.columns["text"]]
    asked = [texts[row] for row in held] + [str(text) for text in dataset.test.columns["text"]]
    train_texts = [texts[row] for row in kept]
    rows = [Inputs(len(part), part, np.empty((len(part), 0)), ()) for part in (train_texts, asked)]
    block = fit_ngrams(train_tokenizer(train_texts), rows[:1])
    truth = labels[kept]
    matrices = [design_matrix([[block.encode(part)]]) for part in rows]
    other = (truth + rng.integers(1, len(names), len(truth))) % len(names)
    if near:
        other = _near_classes(matrices[0], truth, len(names))[truth, rng.integers(0, _NEAR, len(truth))]
    given = np.where(rng.random(len(truth)) < wrong, other, truth)
    return Planted(tuple(names), truth, given, labels[held], test, *matrices)


def _near_classes(matrix: Matrix, labels: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """`(k, 5)` the classes whose mean text is most like that of each class."""
    means = np.stack([np.asarray(matrix[labels == code].mean(axis=0)).ravel() for code in range(k)])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    alike = means @ means.T
    np.fill_diagonal(alike, -1)
    return np.argsort(-alike, axis=1)[:, :_NEAR].astype(np.int64)


def out_of_fold(planted: Planted, *, seed: int, folds: int = FOLDS) -> Predictions:
    """Probabilities of every training row from a head that did not see it, calibrated on the labels given."""
    rng = np.random.default_rng(seed)
    fold = rng.permutation(len(planted.given)) % folds
    logits = np.empty((len(planted.given), len(planted.classes)))
    for place in range(folds):
        held = fold == place
        weights = fit_margin(planted.matrix[~held], planted.given[~held], len(planted.classes), seed)
        logits[held] = linear_logits(planted.matrix[held], weights)
    logits *= fit_scale(logits, planted.given)
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return Predictions(planted.classes, planted.given, raised / raised.sum(axis=1, keepdims=True))


@dataclass
class QuickTrainer:
    """Fits a head to labels and answers for frozen rows and test; an answer is remembered."""

    planted: Planted
    known: dict[tuple[bytes, int], NDArray[np.int64]] = field(default_factory=dict)

    def answer(self, labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
        """Codes of the frozen rows and the test below them."""
        key = (labels.tobytes(), seed)
        if key not in self.known:
            used = labels >= 0
            planted = self.planted
            weights = fit_margin(planted.matrix[used], labels[used], len(planted.classes), seed)
            self.known[key] = linear_logits(planted.asked, weights).argmax(axis=1).astype(np.int64)
        return self.known[key]

    def frozen(self, labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
        """Codes of the frozen rows."""
        return self.answer(labels, seed)[: len(self.planted.frozen)]

    def test(self, labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
        """Codes of the official test."""
        return self.answer(labels, seed)[len(self.planted.frozen) :]


def ask_people(
    planted: Planted, rows: NDArray[np.int64], *, right: float, arm: str, rng: np.random.Generator
) -> list[Vote]:
    """One vote on each row, right with that chance, else any other class alike."""
    k = len(planted.classes)
    truth = planted.truth[rows]
    said = np.where(rng.random(len(rows)) < right, truth, (truth + rng.integers(1, k, len(rows))) % k)
    return [
        Vote(f"row{row}", "ann", planted.classes[code], None, None, "csv", "1", "c1", arm, 1.0, None)
        for row, code in zip(rows.tolist(), said.tolist(), strict=True)
    ]
