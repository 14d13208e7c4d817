"""Letters replaced by ones that look the same in another script."""

from __future__ import annotations

import re

import numpy as np

from smallcraft.evaluate.perturbations.text_places import TextPlaces
from smallcraft.evaluate.perturbations.touching import pick

LOOK_ALIKE = dict(
    zip(
        "aceopxyABCEHKMOPTX",
        "\u0430\u0441\u0435\u043e\u0440\u0445\u0443"
        "\u0410\u0412\u0421\u0415\u041d\u041a\u041c\u041e\u0420\u0422\u0425",
        strict=True,
    )
)
_WORD = re.compile(rf"\w*[{''.join(LOOK_ALIKE)}]\w*")


def disguise(word: str, rng: np.random.Generator) -> str:
    """The word with all places of one of its letters replaced by the look-alike."""
    letter = pick(sorted(set(word) & set(LOOK_ALIKE)), rng)
    return word.replace(letter, LOOK_ALIKE[letter])


# Replaces one letter of a word by its Cyrillic look-alike.
HOMOGLYPH = TextPlaces("homoglyph", _WORD, disguise, "words with such a letter")
