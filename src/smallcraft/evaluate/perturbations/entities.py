"""Names swapped: a capitalised word that starts no sentence becomes another name."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from smallcraft.bundle.inputs import InputSpec
from smallcraft.evaluate.perturbations.perturbation import ColumnKind, Columns
from smallcraft.evaluate.perturbations.touching import amount_at, pick, touch_share, touch_texts

NAMES = (
    *("Alice", "Marcus", "Priya", "Tomasz", "Leila", "Hansen", "Okafor", "Nguyen", "Lisbon", "Nairobi"),
    *("Toronto", "Osaka", "Krakow", "Lima", "Dublin", "Fenwick", "Larkfield", "Ostrava", "Calder", "Morrow"),
)
# Not after the end of a sentence, not in capitals throughout, not "I".
_NAME = re.compile(r"(?<=[^\W_] |[,;:] )[A-Z][a-z]{2,}\b")


@dataclass(frozen=True)
class Entities:
    """Replaces names by other names; which kind of name it was is not known."""

    name: str = "entities"
    changes: frozenset[ColumnKind] = frozenset({"text"})
    amount: tuple[float, float, float] = (0.34, 0.67, 1.0)
    touches: str = "capitalised words inside sentences"

    def perturb(self, rows: Columns, spec: InputSpec, *, severity: int, rng: np.random.Generator) -> Columns:
        """Every text, changed."""
        share = amount_at(self.amount, severity)
        return touch_texts(
            rows,
            spec,
            lambda text: touch_share(text, _NAME, lambda name: other_name(name, rng), share=share, rng=rng),
        )


def other_name(name: str, rng: np.random.Generator) -> str:
    """A name of the list, not the one that stands there."""
    return pick([other for other in NAMES if other != name], rng)
