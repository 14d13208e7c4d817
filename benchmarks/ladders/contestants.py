"""Who stands in the table: every rung in its forms, and the peers, each as jobs for child programs.

Always: ours and theirs train from the same rows and answer the same test; nothing is chosen on it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.builds import PYTHON
from benchmarks.datasets import Dataset
from benchmarks.peers import LIGHTGBM, MODEL2VEC, SCIKIT_LEARN, SETFIT, Environment, python_of
from benchmarks.process import run_child
from smallcraft.models.backbone import find_backbone

TEXT_RUNGS = (
    *("majority", "ngram", "tiny", "fast", "frozen", "cascade", "lora", "tuned", "student", "pruned"),
    *("experts", "cascade_tuned", "cascade_student"),
)
TABLE_RUNGS = ("majority", "linear", "trees", "distilled")
_ONE_FORM = ("majority", "trees", "distilled")


@dataclass(frozen=True)
class Place:
    """Where a data set's rows lie, and where models are kept.

    Attributes:
        dataset: Train and test.
        folder: Its own.
    """

    dataset: Dataset
    folder: Path

    @property
    def train(self) -> Path:
        """Training rows as JSON."""
        return self.folder / "train.json"

    @property
    def test(self) -> Path:
        """Test rows as JSON."""
        return self.folder / "test.json"


@dataclass(frozen=True)
class Trained:
    """A contestant that can be asked.

    Attributes:
        train_cpu_s: From rows to what ships.
        size_mb: What ships.
        model: Where it lies.
    """

    train_cpu_s: float
    size_mb: float
    model: str


@dataclass(frozen=True)
class Ours:
    """A rung in a form.

    Attributes:
        rung: Its name.
        form: `int8` or `fp32`.
        seed: Of everything random.
    """

    rung: str
    form: str = "int8"
    seed: int = 0

    @property
    def name(self) -> str:
        """As in the table."""
        return self.rung if self.form == "int8" else f"{self.rung}:{self.form}"

    def train(self, place: Place) -> Trained:
        """In a process of its own; what rungs share is remembered below the folder."""
        job = {
            "rung": self.name,
            "seed": self.seed,
            "table": str(place.folder / "train.csv"),
            "text": place.dataset.is_text,
            "features": [] if place.dataset.is_text else list(place.dataset.train.columns),
            "cache": str(place.folder / "cache"),
        }
        found = run_child(PYTHON, "rung", job)
        return Trained(found["train_cpu_s"], found["size_mb"], found["bundle"])

    def ask(self, place: Place, trained: Trained, mode: str, *, rows: Path | None = None) -> dict[str, Any]:
        """`answers` or `latency`."""
        job = {"mode": mode, "rows": str(rows or place.test), "bundle": trained.model}
        return run_child(PYTHON, "serve", job)


@dataclass(frozen=True)
class Peer:
    """Somebody else's model.

    Attributes:
        name: As in the table.
        environment: Where it is installed.
        program: The child program.
        settings: Of that program.
    """

    name: str
    environment: Environment
    program: str
    settings: Mapping[str, Any]

    def train(self, place: Place) -> Trained:
        """Train and keep."""
        kept = place.folder / f"{self.name.replace(' ', '-').replace('+', 'and').replace('/', '-')}.model"
        job = {"mode": "train", "rows": str(place.train), "model": str(kept), **self.settings}
        found = run_child(python_of(self.environment), self.program, job)
        return Trained(found["train_cpu_s"], found["size_mb"], str(kept))

    def ask(self, place: Place, trained: Trained, mode: str, *, rows: Path | None = None) -> dict[str, Any]:
        """`answers` or `latency`."""
        job = {"mode": mode, "rows": str(rows or place.test), "model": trained.model, **self.settings}
        return run_child(python_of(self.environment), self.program, job)


Contestant = Ours | Peer


def our_contestants(dataset: Dataset, *, seed: int = 0) -> tuple[Ours, ...]:
    """Every rung that reads the columns, in every form it has."""
    rungs = TEXT_RUNGS if dataset.is_text else TABLE_RUNGS
    found = []
    for rung in rungs:
        found.append(Ours(rung, seed=seed))
        if rung not in _ONE_FORM:
            found.append(Ours(rung, "fp32", seed))
    return tuple(found)


def peers_of(dataset: Dataset) -> tuple[Peer, ...]:
    """Those that know the task; text encoders are given the same weights that ours starts from."""
    if not dataset.is_text:
        return (
            Peer("LightGBM", LIGHTGBM, "table_peer", {"kind": "lightgbm"}),
            Peer("scikit-learn boosting", SCIKIT_LEARN, "table_peer", {"kind": "histogram_boosting"}),
        )
    encoder = str(find_backbone("auto").folder)
    return (
        Peer("TF-IDF, logistic", SCIKIT_LEARN, "text_peer", {"kind": "word_logistic"}),
        Peer("TF-IDF word, char, SVM", SCIKIT_LEARN, "text_peer", {"kind": "word_char_svm"}),
        Peer("model2vec, logistic", MODEL2VEC, "model2vec_peer", {"encoder": encoder}),
        Peer("SetFit, 8 a class", SETFIT, "setfit_peer", {"encoder": encoder, "a_class": 8}),
        Peer("SetFit, 32 a class", SETFIT, "setfit_peer", {"encoder": encoder, "a_class": 32}),
    )


def read_trained(text: str) -> Trained:
    """What `train` gave, from JSON."""
    return Trained(**json.loads(text))
