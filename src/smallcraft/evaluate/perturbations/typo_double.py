"""A letter of a word is typed twice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smallcraft.bundle.inputs import InputSpec
from smallcraft.evaluate.perturbations.perturbation import ColumnKind, Columns
from smallcraft.evaluate.perturbations.touching import LONG_WORD, amount_at, touch_share, touch_texts


@dataclass(frozen=True)
class TypoDouble:
    """Doubles one letter of a word."""

    name: str = "typo_double"
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
                text, LONG_WORD, lambda word: double_letter(word, rng), share=share, rng=rng
            ),
        )


def double_letter(word: str, rng: np.random.Generator) -> str:
    """The word with one letter twice."""
    at = int(rng.integers(len(word)))
    return word[: at + 1] + word[at:]
