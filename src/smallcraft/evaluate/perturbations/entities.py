"""Names swapped: a capitalised word that starts no sentence becomes another name."""

from __future__ import annotations

import re

import numpy as np

from smallcraft.evaluate.perturbations.text_places import MANY, TextPlaces
from smallcraft.evaluate.perturbations.touching import pick

NAMES = (
    *("Alice", "Marcus", "Priya", "Tomasz", "Leila", "Hansen", "Okafor", "Nguyen", "Lisbon", "Nairobi"),
    *("Toronto", "Osaka", "Krakow", "Lima", "Dublin", "Fenwick", "Larkfield", "Ostrava", "Calder", "Morrow"),
)
# Not after the end of a sentence, not in capitals throughout, not "I".
_NAME = re.compile(r"(?<=[^\W_] |[,;:] )[A-Z][a-z]{2,}\b")


def other_name(name: str, rng: np.random.Generator) -> str:
    """A name of the list, not the one that stands there."""
    return pick([other for other in NAMES if other != name], rng)


# Replaces names by other names; which kind of name it was is not known.
ENTITIES = TextPlaces("entities", _NAME, other_name, "capitalised words inside sentences", MANY)
