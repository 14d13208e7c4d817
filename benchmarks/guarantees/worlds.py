"""Seeded rows whose truth is known: answers of classifiers, rows of one key, calibrated probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from smallcraft.records import Predictions
from smallcraft.stats.class_metrics import ClassCounts, macro_f1

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]


def seeded(*parts: int) -> np.random.Generator:
    """The generator of one case."""
    return np.random.default_rng([20261129, *parts])


def answers_of(truth: Codes, predicted: Codes, k: int, clusters: Codes | None = None) -> Predictions:
    """Predictions whose most probable class is given."""
    probs = np.full((len(truth), k), 0.2 / k)
    probs[np.arange(len(truth)), predicted] += 0.8
    return Predictions(tuple(f"c{code}" for code in range(k)), truth, probs, clusters)


@dataclass(frozen=True)
class Confusions:
    """A classifier as the chances of each truth and each answer to it.

    Attributes:
        shares: `(k,)` of the classes.
        right: `(k,)` chance that a row of the class is answered rightly; the rest goes to the next class.
    """

    shares: Floats
    right: Floats

    @property
    def k(self) -> int:
        """Classes."""
        return len(self.shares)

    @property
    def accuracy(self) -> float:
        """The true one."""
        return float(self.shares @ self.right)

    @property
    def macro_f1(self) -> float:
        """The true one: that of infinitely many rows."""
        right, wrong = self.shares * self.right, self.shares * (1 - self.right)
        return float(macro_f1(ClassCounts(right, self.shares, right + np.roll(wrong, 1))))

    def draw(self, n: int, rng: np.random.Generator) -> Predictions:
        """Rows that are independent."""
        truth = rng.choice(self.k, size=n, p=self.shares).astype(np.int64)
        is_right = rng.random(n) < self.right[truth]
        return answers_of(truth, np.where(is_right, truth, (truth + 1) % self.k), self.k)

    def draw_by_key(self, keys: int, rows: int, rng: np.random.Generator, *, is_told: bool) -> Predictions:
        """Rows in groups of one key; all of a key are of one class, and right or wrong together.

        Args:
            keys: How many.
            rows: Of each key.
            rng: Of all chance.
            is_told: Whether the predictions say which rows share a key.
        """
        whole = self.draw(keys, rng)
        place = np.repeat(np.arange(keys), rows)
        return answers_of(whole.truth[place], whole.predicted[place], self.k, place if is_told else None)


EVEN = Confusions(np.full(3, 1 / 3), np.full(3, 0.9))
UNEVEN = Confusions(np.array([0.6, 0.25, 0.1, 0.05]), np.array([0.95, 0.9, 0.8, 0.7]))
MANY = Confusions(np.full(20, 0.05), np.linspace(0.7, 0.98, 20))


def draw_calibrated(
    n: int, k: int, rng: np.random.Generator, *, spread: float = 3.0, shift: float = 0.0
) -> tuple[Floats, Codes]:
    """Probabilities that are right as often as they say, and labels drawn from them.

    Args:
        n: Rows.
        k: Classes.
        rng: Of all chance.
        spread: Of the logits; the wider, the surer.
        shift: How much flatter the truth is than the probabilities say: 0 for calibrated ones, 1 for labels
            that have nothing to do with them.
    """
    probs: Floats = special.softmax(rng.normal(0, spread, (n, k)), axis=1)
    true = (1 - shift) * probs + shift / k
    labels = (true.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return probs, np.minimum(labels, k - 1).astype(np.int64)
