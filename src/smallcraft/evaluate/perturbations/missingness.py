"""Values that did not arrive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smallcraft.bundle.inputs import InputSpec
from smallcraft.evaluate.perturbations.perturbation import ColumnKind, Columns
from smallcraft.evaluate.perturbations.touching import amount_at, touch_cells


@dataclass(frozen=True)
class Missingness:
    """Empties cells of numbers and categories."""

    name: str = "missingness"
    changes: frozenset[ColumnKind] = frozenset({"numbers", "categories"})
    amount: tuple[float, float, float] = (0.1, 0.2, 0.4)
    touches: str = "cells"

    def perturb(self, rows: Columns, spec: InputSpec, *, severity: int, rng: np.random.Generator) -> Columns:
        """The rows with cells emptied."""
        share = amount_at(self.amount, severity)
        return touch_cells(rows, (*spec.numbers, *spec.categories), lambda _: None, share=share, rng=rng)
