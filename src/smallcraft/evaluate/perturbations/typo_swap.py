"""Two letters of a word change places."""

from __future__ import annotations

import numpy as np

from smallcraft.evaluate.perturbations.text_places import TextPlaces
from smallcraft.evaluate.perturbations.touching import LONG_WORD


def swap_letters(word: str, rng: np.random.Generator) -> str:
    """The word with two different neighbours swapped, the first letter kept; the same if there are none."""
    spots = [at for at in range(1, len(word) - 1) if word[at] != word[at + 1]]
    if not spots:
        return word
    at = spots[int(rng.integers(len(spots)))]
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


# Swaps two neighbouring letters inside a word.
TYPO_SWAP = TextPlaces("typo_swap", LONG_WORD, swap_letters, "words of four letters or more")
