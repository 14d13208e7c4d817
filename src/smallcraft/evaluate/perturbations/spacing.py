"""Spaces doubled, and spaces left out."""

from __future__ import annotations

import numpy as np

from smallcraft.evaluate.perturbations.text_places import TextPlaces
from smallcraft.evaluate.perturbations.touching import GAP, pick


def change_space(gap: str, rng: np.random.Generator) -> str:  # noqa: ARG001 - a gap is a gap
    """Two spaces, or none."""
    return pick(("  ", ""), rng)


# Makes a space between words two, or none.
SPACING = TextPlaces("spacing", GAP, change_space, "spaces between words")
