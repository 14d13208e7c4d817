"""What the experiments share: banking77's train with one fold of it held out, and differences on that fold.

The official test is never read.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmarks.datasets import read_banking77
from smallcraft.evaluate.choice.paired import quality_difference
from smallcraft.models.backbone import find_backbone
from smallcraft.models.encoders import EncoderSource, source_of
from smallcraft.models.memory import Memory
from smallcraft.models.parts.linear import fit_logistic
from smallcraft.models.tuning.answers import answer
from smallcraft.models.tuning.learner import Learner
from smallcraft.models.tuning.loop import train
from smallcraft.models.tuning.losses import Labels
from smallcraft.models.tuning.plan import TrainPlan
from smallcraft.models.tuning.prefix import Ids, States, read_ids, read_states
from smallcraft.models.workshop import assign_folds
from smallcraft.records import Predictions
from smallcraft.stats.intervals import clopper_pearson_interval

N_FOLDS = 5


@dataclass(frozen=True)
class HeldOut:
    """Rows of banking77's train.

    Attributes:
        texts: All of them.
        labels: `(n,)` codes.
        classes: Names.
        is_held: `(n,)` bool, one fold.
        source: The backbone.
        memory: Keeps states and what was trained.
    """

    texts: list[str]
    labels: np.ndarray
    classes: tuple[str, ...]
    is_held: np.ndarray
    source: EncoderSource
    memory: Memory

    @property
    def train_rows(self) -> np.ndarray:
        """Positions of the rows trained on."""
        return np.flatnonzero(~self.is_held)

    @property
    def held_rows(self) -> np.ndarray:
        """Positions of the rows held out."""
        return np.flatnonzero(self.is_held)

    @cached_property
    def tokens(self) -> Ids:
        """Every row's tokens."""
        return read_ids(self.source, self.texts)

    def states(self, first_layer: int) -> States:
        """Every row's states below that layer."""
        name = f"train-{len(self.texts)}"
        found = read_states(
            self.source, self.tokens, first_layer=first_layer, memory=self.memory, name=name, precision="fp32"
        )
        assert isinstance(found, States)
        return found

    def head(self, learner: Learner, states: States, *, name: str) -> np.ndarray:
        """A logistic head on the untuned embeddings of the rows trained on, `(width + 1, k)`, remembered."""

        def fit():
            embeddings = answer(learner, states, self.train_rows).embeddings.astype(np.float64)
            return {"head": fit_logistic(embeddings, self.labels[self.train_rows], len(self.classes), 0)}

        return np.asarray(self.memory.recall(f"heads/{name}-{len(self.texts)}", fit)["head"])

    def score(self, probs: np.ndarray) -> dict[str, float | int]:
        """Accuracy on the held-out rows with its exact interval."""
        hits = int((probs.argmax(axis=1) == self.labels[self.is_held]).sum())
        n = int(self.is_held.sum())
        bounds = clopper_pearson_interval(hits, n)
        return {"accuracy": hits / n, "low": bounds.low, "high": bounds.high, "n": n}

    def difference(self, first: np.ndarray, other: np.ndarray) -> dict[str, float]:
        """How much more often the first is right, 95 % (Tango)."""
        truth = self.labels[self.is_held].astype(np.int64)
        sides = [Predictions(self.classes, truth, probs) for probs in (first, other)]
        found = quality_difference(*sides, metric="accuracy", level=0.95, seed=0)
        return {"difference": found.value, "low": found.interval.low, "high": found.interval.high}


def read_held_out(work: Path, *, is_quick: bool) -> HeldOut:
    """The data, one fold of five held out; every fifth row alone when quick."""
    rows = read_banking77().train.head(2000 if is_quick else None)
    classes = tuple(sorted(set(rows.labels)))
    codes = {name: code for code, name in enumerate(classes)}
    labels = np.array([codes[label] for label in rows.labels], dtype=np.int64)
    rng = np.random.default_rng(20261128)
    folds = assign_folds(labels, np.arange(len(labels)), n_folds=N_FOLDS, rng=rng)
    texts = [str(text) for text in rows.columns["text"]]
    source = source_of(find_backbone("auto"))
    return HeldOut(texts, labels, classes, folds == 0, source, Memory(work / "memory"))


def tune(data: HeldOut, learner: Learner, states: States, *, plan: TrainPlan, seed: int) -> np.ndarray:
    """Train on the other folds; logits of the held-out rows."""
    train(learner, states, data.train_rows, Labels(data.labels), plan=plan, seed=seed)
    return answer(learner, states, data.held_rows).logits


def softmax(logits: np.ndarray) -> np.ndarray:
    """Rows that sum to 1."""
    shares = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def spread(values: Sequence[float]) -> dict[str, float | int]:
    """Mean and range over seeds."""
    return {
        "mean": float(np.mean(values)),
        "least": float(min(values)),
        "greatest": float(max(values)),
        "seeds": len(values),
    }


def say(text: str) -> None:
    """To standard error, at once."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
