"""Words in capitals, and words in small letters."""

from __future__ import annotations

import numpy as np

from smallcraft.evaluate.perturbations.text_places import TextPlaces
from smallcraft.evaluate.perturbations.touching import WORD


def swap_case(word: str, rng: np.random.Generator | None = None) -> str:  # noqa: ARG001 - nothing is drawn
    """In capitals, or in small letters where it was in capitals already; never longer than it was."""
    changed = word.lower() if word.isupper() else word.upper()
    return changed if len(changed) == len(word) else word


# Swaps the case of whole words.
LETTER_CASE = TextPlaces("letter_case", WORD, swap_case, "words", (0.2, 0.5, 1.0))
