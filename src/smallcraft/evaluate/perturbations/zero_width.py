"""Characters of no width inside words, as copied pages and people who evade filters leave them."""

from __future__ import annotations

import numpy as np

from smallcraft.evaluate.perturbations.text_places import TextPlaces
from smallcraft.evaluate.perturbations.touching import LONG_WORD

ZERO_WIDTH = "\u200b"


def split_unseen(word: str, rng: np.random.Generator) -> str:
    """The word with a zero-width space between two of its letters."""
    at = int(rng.integers(1, len(word)))
    return word[:at] + ZERO_WIDTH + word[at:]


# Puts a zero-width space inside a word.
ZERO_WIDTH_SPACES = TextPlaces("zero_width", LONG_WORD, split_unseen, "words of four letters or more")
