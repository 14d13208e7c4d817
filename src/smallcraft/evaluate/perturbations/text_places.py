"""Perturbations of a text that edit a share of its places: words, gaps, numbers, names."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from smallcraft.bundle.inputs import InputSpec
from smallcraft.evaluate.perturbations.perturbation import ColumnKind, Columns
from smallcraft.evaluate.perturbations.touching import amount_at, touch_share, touch_texts

SOME, MANY = (0.1, 0.2, 0.4), (0.34, 0.67, 1.0)

PlaceEdit = Callable[[str, np.random.Generator], str]
"""From what stands at a place to what shall stand there."""


@dataclass(frozen=True)
class TextPlaces:
    """Edits a drawn share of the places in every text, one at least.

    Attributes:
        name: Its key in the folder's table.
        places: Where it may edit.
        edit: What it does there.
        touches: What the amount is of, in words.
        amount: The share at severity 1, 2 and 3.
        changes: Kinds of columns that it changes.
    """

    name: str
    places: re.Pattern[str]
    edit: PlaceEdit
    touches: str
    amount: tuple[float, float, float] = SOME
    changes: frozenset[ColumnKind] = frozenset({"text"})

    def perturb(self, rows: Columns, spec: InputSpec, *, severity: int, rng: np.random.Generator) -> Columns:
        """Every text, changed."""
        share = amount_at(self.amount, severity)

        def edited(text: str) -> str:
            return touch_share(text, self.places, lambda place: self.edit(place, rng), share=share, rng=rng)

        return touch_texts(rows, spec, edited)
