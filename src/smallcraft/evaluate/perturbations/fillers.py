"""Words that say nothing, put between others."""

from __future__ import annotations

import numpy as np

from smallcraft.evaluate.perturbations.text_places import TextPlaces
from smallcraft.evaluate.perturbations.touching import GAP, pick

FILLERS = ("um", "uh", "well", "like", "you know", "basically", "actually", "I mean")


def put_filler(gap: str, rng: np.random.Generator) -> str:  # noqa: ARG001 - a gap is a gap
    """A filler between two spaces."""
    return f" {pick(FILLERS, rng)} "


# Puts a filler between two words.
FILLER_WORDS = TextPlaces("fillers", GAP, put_filler, "spaces between words")
