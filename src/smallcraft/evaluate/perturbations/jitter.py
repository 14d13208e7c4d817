"""Numbers a little off, as another sensor or another rounding gives them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.inputs import InputSpec
from smallcraft.evaluate.perturbations.perturbation import ColumnKind, Columns
from smallcraft.evaluate.perturbations.touching import amount_at, as_numbers

# Of a normal distribution, in standard deviations.
_QUARTILES_APART = 1.349


@dataclass(frozen=True)
class Jitter:
    """Adds normal noise to every number; whole numbers stay whole, missing ones missing."""

    name: str = "jitter"
    changes: frozenset[ColumnKind] = frozenset({"numbers"})
    amount: tuple[float, float, float] = (0.02, 0.05, 0.1)
    touches: str = "a column's spread between its quartiles"

    def perturb(self, rows: Columns, spec: InputSpec, *, severity: int, rng: np.random.Generator) -> Columns:
        """Every number, moved by noise in proportion to its column's spread over these rows."""
        share = amount_at(self.amount, severity)
        changed = dict(rows)
        for column in spec.numbers:
            values = as_numbers(rows[column])
            known = values[np.isfinite(values)]
            spread = _spread(known) if len(known) else 0.0
            moved = values + rng.standard_normal(len(values)) * share * spread
            is_whole = bool(np.all(known == np.rint(known)))
            changed[column] = (np.rint(moved) if is_whole else moved).tolist()
        return changed


def _spread(values: NDArray[np.float64]) -> float:
    """A standard deviation as the quartiles tell it; 0 for a column that is mostly one value, which stays."""
    low, high = np.quantile(values, (0.25, 0.75))
    return float(high - low) / _QUARTILES_APART
