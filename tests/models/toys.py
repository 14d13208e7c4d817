"""Toy rows, and the workshops and bundles made from them: small, and hard enough not to be perfect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smallcraft.bundle.decoder import Decoder
from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.models.backbone import Backbone
from smallcraft.models.ladder import Attempt, fit_rung
from smallcraft.models.memory import Memory
from smallcraft.models.workshop import Workshop, assign_folds

CLASSES = ("billing", "cards", "other")
KEYWORDS = (("bill", "fee", "late"), ("card", "lost", "pay"), ("open", "close", "account"))
FILLERS = ("the", "my", "is", "help", "please", "what", "today", "again")
TEXT_RUNGS = ("majority", "ngram", "fast", "frozen", "cascade")
TABLE_RUNGS = ("majority", "linear", "trees")

TEXT = InputSpec(text="message")
TABLE = InputSpec(numbers=("age", "amount"), categories=("plan", "city"))
MIXED = InputSpec(text="message", numbers=("amount",), categories=("plan",))

Columns = Mapping[str, Sequence[object]]


@dataclass(frozen=True)
class ToyRows:
    columns: Columns
    labels: np.ndarray


def toy_rows(n: int, *, seed: int = 0, n_classes: int = 3) -> ToyRows:
    """Texts and columns that both hint at the label; one row in ten hints at another one."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(n_classes, size=n)
    hints = np.where(rng.random(n) < 0.1, rng.integers(n_classes, size=n), labels)
    amount = hints * 2.0 + rng.normal(size=n)
    age = rng.normal(40, 10, size=n)
    columns = {
        "message": [toy_text(hint, rng) for hint in hints],
        "amount": [None if rng.random() < 0.1 else float(value) for value in amount],
        "age": [float(value) for value in age],
        "plan": [("free", "paid", None)[hint] if rng.random() < 0.8 else "trial" for hint in hints],
        "city": [f"city{rng.integers(5)}" for _ in range(n)],
    }
    return ToyRows(columns, labels.astype(np.int64))


def toy_text(hint: int, rng: np.random.Generator) -> str:
    words = [*rng.choice(KEYWORDS[hint], 2), *rng.choice(FILLERS, rng.integers(1, 6))]
    return " ".join(rng.permutation(words))


def toy_workshop(
    folder: Path,
    spec: InputSpec = TEXT,
    *,
    backbone: Backbone | None = None,
    n: int = 150,
    n_classes: int = 3,
    n_folds: int = 4,
) -> Workshop:
    rows = toy_rows(n, n_classes=n_classes)
    folds = assign_folds(rows.labels, np.arange(n), n_folds=n_folds, rng=np.random.default_rng(1))
    return Workshop(
        classes=CLASSES[:n_classes],
        spec=spec,
        parts=(("train", read_inputs(rows.columns, spec)),),
        labels=rows.labels,
        folds=folds,
        seed=7,
        memory=Memory(folder / "memory"),
        scratch=folder,
        backbone=backbone,
        no_backbone="no backbone is installed; `pip install weights` adds one",
    )


def toy_bundles(folder: Path, backbone: Backbone) -> dict[str, Attempt]:
    """One bundle a rung; `mixed-...` ones read text and columns, `binary-...` have two classes.

    `escalating` is a cascade that asks its second stage about some rows, whatever calibration would choose.
    """
    text = toy_workshop(folder / "text", TEXT, backbone=backbone)
    table = toy_workshop(folder / "table", TABLE)
    mixed = toy_workshop(folder / "mixed", MIXED, backbone=backbone)
    binary = toy_workshop(folder / "binary", TABLE, n_classes=2)
    wanted = [(name, name, text) for name in TEXT_RUNGS]
    wanted += [(name, name, table) for name in ("linear", "trees")]
    wanted += [(f"mixed-{name}", name, mixed) for name in ("ngram", "cascade")]
    wanted += [(f"binary-{name}", name, binary) for name in ("linear", "trees")]
    made = {
        key: fit_rung(rung, workshop, folder / "bundles", about={"made": key})
        for key, rung, workshop in wanted
    }
    decoder = Decoder(scale=2.0, threshold=0.9, mix=(1.0, 1.0))
    about = {"made": "escalating"}
    return made | {"escalating": fit_rung("cascade", text, folder / "bundles", about=about, decoder=decoder)}


def rows_for(names: Sequence[str], rows: ToyRows) -> Columns:
    """The columns that a bundle reads."""
    return {name: rows.columns[name] for name in names}


def some_rows(columns: Columns, chosen: Sequence[int]) -> Columns:
    return {name: [values[row] for row in chosen] for name, values in columns.items()}


ALL_BUNDLES = (
    *(*TEXT_RUNGS, "escalating"),
    *("linear", "trees", "mixed-ngram", "mixed-cascade", "binary-linear", "binary-trees"),
)
