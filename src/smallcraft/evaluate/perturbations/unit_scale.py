"""A number given in another unit: ten, a hundred, a thousand times as large."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smallcraft.bundle.inputs import InputSpec
from smallcraft.evaluate.perturbations.perturbation import ColumnKind, Columns
from smallcraft.evaluate.perturbations.touching import amount_at, as_numbers


@dataclass(frozen=True)
class UnitScale:
    """Multiplies one number of each row."""

    name: str = "unit_scale"
    changes: frozenset[ColumnKind] = frozenset({"numbers"})
    amount: tuple[float, float, float] = (10.0, 100.0, 1000.0)
    touches: str = "one number of each row, as a factor"

    def perturb(self, rows: Columns, spec: InputSpec, *, severity: int, rng: np.random.Generator) -> Columns:
        """Every row with one of its numbers, drawn, multiplied."""
        factor = amount_at(self.amount, severity)
        changed = dict(rows)
        drawn = rng.integers(max(len(spec.numbers), 1), size=len(next(iter(rows.values()), ())))
        for number, column in enumerate(spec.numbers):
            values = as_numbers(rows[column])
            changed[column] = np.where(drawn == number, values * factor, values).tolist()
        return changed
