"""Two letters of a word change places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smallcraft.bundle.inputs import InputSpec
from smallcraft.evaluate.perturbations.perturbation import ColumnKind, Columns
from smallcraft.evaluate.perturbations.touching import LONG_WORD, amount_at, touch_share, touch_texts


@dataclass(frozen=True)
class TypoSwap:
    """Swaps two neighbouring letters inside a word."""

    name: str = "typo_swap"
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
                text, LONG_WORD, lambda word: swap_letters(word, rng), share=share, rng=rng
            ),
        )


def swap_letters(word: str, rng: np.random.Generator) -> str:
    """The word with two different neighbours swapped, the first letter kept; the same if there are none."""
    spots = [at for at in range(1, len(word) - 1) if word[at] != word[at + 1]]
    if not spots:
        return word
    at = spots[int(rng.integers(len(spots)))]
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
