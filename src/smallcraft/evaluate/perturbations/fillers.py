"""Words that say nothing, put between others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smallcraft.bundle.inputs import InputSpec
from smallcraft.evaluate.perturbations.perturbation import ColumnKind, Columns
from smallcraft.evaluate.perturbations.touching import GAP, amount_at, pick, touch_share, touch_texts

FILLERS = ("um", "uh", "well", "like", "you know", "basically", "actually", "I mean")


@dataclass(frozen=True)
class Fillers:
    """Puts a filler between two words."""

    name: str = "fillers"
    changes: frozenset[ColumnKind] = frozenset({"text"})
    amount: tuple[float, float, float] = (0.1, 0.2, 0.4)
    touches: str = "spaces between words"

    def perturb(self, rows: Columns, spec: InputSpec, *, severity: int, rng: np.random.Generator) -> Columns:
        """Every text, changed."""
        share = amount_at(self.amount, severity)
        return touch_texts(
            rows,
            spec,
            lambda text: touch_share(text, GAP, lambda _: f" {pick(FILLERS, rng)} ", share=share, rng=rng),
        )
