"""A letter of a word is typed twice."""

from __future__ import annotations

import numpy as np

from smallcraft.evaluate.perturbations.text_places import TextPlaces
from smallcraft.evaluate.perturbations.touching import LONG_WORD


def double_letter(word: str, rng: np.random.Generator) -> str:
    """The word with one letter twice."""
    at = int(rng.integers(len(word)))
    return word[: at + 1] + word[at:]


# Doubles one letter of a word.
TYPO_DOUBLE = TextPlaces("typo_double", LONG_WORD, double_letter, "words of four letters or more")
