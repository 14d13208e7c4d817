"""A letter of a word is left out."""

from __future__ import annotations

import numpy as np

from smallcraft.evaluate.perturbations.text_places import TextPlaces
from smallcraft.evaluate.perturbations.touching import LONG_WORD


def drop_letter(word: str, rng: np.random.Generator) -> str:
    """The word without one of its letters, the first kept."""
    at = int(rng.integers(1, len(word)))
    return word[:at] + word[at + 1 :]


# Leaves out one letter inside a word.
TYPO_DROP = TextPlaces("typo_drop", LONG_WORD, drop_letter, "words of four letters or more")
