"""What a perturbation gets and gives; the contract of this folder.

Always: the truth of a row stays what it was; only the columns that a perturbation reads change, never the
number of rows; the same generator gives the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import numpy as np

from smallcraft.bundle.inputs import InputSpec

Columns = Mapping[str, Sequence[object]]
ColumnKind = Literal["text", "numbers", "categories"]
SEVERITIES = (1, 2, 3)


class Perturbation(Protocol):
    """Changes rows in a way that leaves their labels as they were."""

    @property
    def name(self) -> str:
        """Its key in the folder's table."""

    @property
    def changes(self) -> frozenset[ColumnKind]:
        """Kinds of columns that it changes; it applies where one of them is there."""

    @property
    def amount(self) -> tuple[float, float, float]:
        """How much, at severity 1, 2 and 3, of what `touches` says."""

    @property
    def touches(self) -> str:
        """What the amount is of, in words."""

    def perturb(self, rows: Columns, spec: InputSpec, *, severity: int, rng: np.random.Generator) -> Columns:
        """The rows, changed.

        Args:
            rows: Input columns, equally long.
            spec: Which of them are text, numbers, categories.
            severity: 1, 2 or 3.
            rng: Source of all that is drawn.
        """
