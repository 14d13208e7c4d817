"""A letter of a word becomes its neighbour on the keyboard (QWERTY)."""

from __future__ import annotations

import numpy as np

from smallcraft.evaluate.perturbations.text_places import TextPlaces
from smallcraft.evaluate.perturbations.touching import LONG_WORD, pick

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def hit_neighbour(word: str, rng: np.random.Generator) -> str:
    """The word with one letter, not the first, hit wrongly; case kept; the same where no key is known."""
    spots = [at for at in range(1, len(word)) if word[at].lower() in NEIGHBOURS]
    if not spots:
        return word
    at = spots[int(rng.integers(len(spots)))]
    wrong = pick(NEIGHBOURS[word[at].lower()], rng)
    return word[:at] + (wrong.upper() if word[at].isupper() else wrong) + word[at + 1 :]


def _neighbours() -> dict[str, str]:
    """Keys that touch each key: left, right, and the two above and below, each row half a key further in."""
    at = {key: (row, column) for row, keys in enumerate(_ROWS) for column, key in enumerate(keys)}
    steps = ((0, -1), (0, 1), (-1, 0), (-1, 1), (1, -1), (1, 0))
    keys = {place: key for key, place in at.items()}
    return {
        key: "".join(keys[row + up, column + side] for up, side in steps if (row + up, column + side) in keys)
        for key, (row, column) in at.items()
    }


NEIGHBOURS = _neighbours()


# Replaces one letter inside a word by a key beside it.
TYPO_KEYBOARD = TextPlaces("typo_keyboard", LONG_WORD, hit_neighbour, "words of four letters or more")
