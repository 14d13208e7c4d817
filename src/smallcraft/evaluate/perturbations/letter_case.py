"""Words in capitals, and words in small letters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smallcraft.bundle.inputs import InputSpec
from smallcraft.evaluate.perturbations.perturbation import ColumnKind, Columns
from smallcraft.evaluate.perturbations.touching import WORD, amount_at, touch_share, touch_texts


@dataclass(frozen=True)
class LetterCase:
    """Swaps the case of whole words."""

    name: str = "letter_case"
    changes: frozenset[ColumnKind] = frozenset({"text"})
    amount: tuple[float, float, float] = (0.2, 0.5, 1.0)
    touches: str = "words"

    def perturb(self, rows: Columns, spec: InputSpec, *, severity: int, rng: np.random.Generator) -> Columns:
        """Every text, changed."""
        share = amount_at(self.amount, severity)
        return touch_texts(rows, spec, lambda text: touch_share(text, WORD, swap_case, share=share, rng=rng))


def swap_case(word: str) -> str:
    """In capitals, or in small letters where it was in capitals already; never longer than it was."""
    changed = word.lower() if word.isupper() else word.upper()
    return changed if len(changed) == len(word) else word
