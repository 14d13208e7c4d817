"""Twins and subjects that tests of audits ask: recipes whose memory is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.inputs import InputSpec
from smallcraft.evaluate.audits.audit import Answer, AuditSubject, Columns
from smallcraft.records import Predictions

CLASSES = ("a", "b", "c", "d")
TEXT = InputSpec(text="message")


@dataclass
class RememberingTwin:
    """Believes in the label of a row it was trained on with `odds` more, drawn anew for each row.

    Attributes:
        odds: Log-odds that a row gains by being trained on; 0 remembers nothing.
        trained: Rows and labels of every training.
    """

    rows: Columns
    labels: NDArray[np.int64]
    odds: float
    seed: int = 0
    trained: list[tuple[Columns, NDArray[np.int64]]] = field(default_factory=list)

    def train_with(self, extra: Columns, labels: NDArray[np.int64]) -> Answer:
        self.trained.append((extra, labels))
        known = {text: int(label) for text, label in zip(extra["message"], labels.tolist(), strict=True)}
        dice = np.random.default_rng([self.seed, len(self.trained)])

        def answer(rows: Columns) -> NDArray[np.float64]:
            logits = dice.normal(size=(len(rows["message"]), len(CLASSES)))
            for row, text in enumerate(rows["message"]):
                if text in known:
                    logits[row, known[text]] += self.odds
            return softmax(logits)

        return answer

    def train_on_labels(self, labels: NDArray[np.int64]) -> Answer:
        raise AssertionError("never asked")


@dataclass
class ClassTwin:
    """Answers a row whose text names a true class with the label most often taught for that class.

    Attributes:
        is_cheating: Taught the true labels, whatever it is given.
    """

    rows: Columns
    labels: NDArray[np.int64]
    is_cheating: bool = False
    noise: float = 0.0
    tries: int = 0

    def train_with(self, extra: Columns, labels: NDArray[np.int64]) -> Answer:
        raise AssertionError("never asked")

    def train_on_labels(self, labels: NDArray[np.int64]) -> Answer:
        self.tries += 1
        taught = self.labels if self.is_cheating else labels
        names = np.array([str(text)[0] for text in self.rows["message"]])
        dice = np.random.default_rng(self.tries)
        said = {
            name: int(np.argmax(np.bincount(taught[names == name]))) for name in np.unique(names).tolist()
        }

        def answer(rows: Columns) -> NDArray[np.float64]:
            codes = np.array([said.get(str(text)[0], 0) for text in rows["message"]])
            away = dice.random(len(codes)) < self.noise
            codes[away] = dice.integers(len(CLASSES), size=int(away.sum()))
            return np.eye(len(CLASSES))[codes]

        return answer


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


def texts(n: int, *, of: str) -> Columns:
    """`n` texts that no other call with another `of` gives, of a few words each."""
    return {"message": [f"{of} row{place} word{place % 7} {of}{place * 31 % 101}" for place in range(n)]}


def predictions(
    truth: Sequence[int] | NDArray[np.int64],
    predicted: Sequence[int] | NDArray[np.int64],
    *,
    clusters: NDArray[np.int64] | None = None,
) -> Predictions:
    """Answers that are sure of the predicted class."""
    probs = np.full((len(truth), len(CLASSES)), 0.1)
    probs[np.arange(len(truth)), np.asarray(predicted)] = 0.7
    return Predictions(CLASSES, np.asarray(truth, dtype=np.int64), probs, clusters)


def subject_of(rows: Columns, given: Predictions | None, **more: object) -> AuditSubject:
    return AuditSubject(rows, seed=0, spec=TEXT, predictions=given, **more)
