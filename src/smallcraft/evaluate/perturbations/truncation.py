"""The end of a text is cut off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smallcraft.bundle.inputs import InputSpec
from smallcraft.evaluate.perturbations.perturbation import ColumnKind, Columns
from smallcraft.evaluate.perturbations.touching import WORD, amount_at, touch_texts


@dataclass(frozen=True)
class Truncation:
    """Keeps the first words only, one at least."""

    name: str = "truncation"
    changes: frozenset[ColumnKind] = frozenset({"text"})
    amount: tuple[float, float, float] = (0.1, 0.25, 0.5)
    touches: str = "the words, from the end"

    def perturb(self, rows: Columns, spec: InputSpec, *, severity: int, rng: np.random.Generator) -> Columns:  # noqa: ARG002
        """Every text, cut; nothing is drawn."""
        share = amount_at(self.amount, severity)
        return touch_texts(rows, spec, lambda text: cut_end(text, share))


def cut_end(text: str, share: float) -> str:
    """The text without its last words, about this share of them; one word always stays."""
    words = list(WORD.finditer(text))
    kept = len(words) - max(1, round(share * len(words)))
    return text if len(words) < 2 else text[: words[max(kept, 1) - 1].end()]
