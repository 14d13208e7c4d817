"""Categories that were not there when the model was trained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smallcraft.bundle.inputs import InputSpec
from smallcraft.evaluate.perturbations.perturbation import ColumnKind, Columns
from smallcraft.evaluate.perturbations.touching import amount_at, touch_cells

UNSEEN = "(a category never seen)"


@dataclass(frozen=True)
class UnseenCategory:
    """Replaces categories by one that no column has."""

    name: str = "unseen_category"
    changes: frozenset[ColumnKind] = frozenset({"categories"})
    amount: tuple[float, float, float] = (0.1, 0.2, 0.4)
    touches: str = "cells of categories"

    def perturb(self, rows: Columns, spec: InputSpec, *, severity: int, rng: np.random.Generator) -> Columns:
        """The rows with categories replaced."""
        share = amount_at(self.amount, severity)
        return touch_cells(rows, spec.categories, lambda _: UNSEEN, share=share, rng=rng)
