"""Characters of no width inside words, as copied pages and people who evade filters leave them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smallcraft.bundle.inputs import InputSpec
from smallcraft.evaluate.perturbations.perturbation import ColumnKind, Columns
from smallcraft.evaluate.perturbations.touching import LONG_WORD, amount_at, touch_share, touch_texts

ZERO_WIDTH = "\u200b"


@dataclass(frozen=True)
class ZeroWidth:
    """Puts a zero-width space inside a word."""

    name: str = "zero_width"
    changes: frozenset[ColumnKind] = frozenset({"text"})
    amount: tuple[float, float, float] = (0.1, 0.2, 0.4)
    touches: str = "words of four letters or more"

    def perturb(self, rows: Columns, spec: InputSpec, *, severity: int, rng: np.random.Generator) -> Columns:
        """Every text, changed."""
        share = amount_at(self.amount, severity)
        return touch_texts(
            rows,
            spec,
            lambda text: touch_share(
                text, LONG_WORD, lambda word: split_unseen(word, rng), share=share, rng=rng
            ),
        )


def split_unseen(word: str, rng: np.random.Generator) -> str:
    """The word with a zero-width space between two of its letters."""
    at = int(rng.integers(1, len(word)))
    return word[:at] + ZERO_WIDTH + word[at:]
