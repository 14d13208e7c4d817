"""The rows that rungs learn from: all of them, or a sample; with perturbed copies behind, or without.

Leaves to others: how rows are chosen (`models.sample`) and perturbed (`models.augment`).
Always: with neither asked for, the workshop is the one that was given; copies are made of chosen rows only.
Not covered: rows that judge; dev and cert are never sampled or perturbed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.models.augment import augment_workshop
from smallcraft.models.sample import choose_rows, sample_workshop
from smallcraft.models.workshop import Workshop


@dataclass(frozen=True)
class LearningRows:
    """A workshop to climb the ladder with.

    Attributes:
        workshop: Its real rows first, their copies behind.
        positions: `(m,)` int64: where its real rows stand in the workshop that was given, ascending.
    """

    workshop: Workshop
    positions: NDArray[np.int64]


def learning_rows(workshop: Workshop, *, sample: int | None = None, copies: int = 0) -> LearningRows:
    """What the settings `sample` and `augment` of a ladder ask for.

    Args:
        workshop: All rows.
        sample: How many to learn from; None for all.
        copies: Perturbed copies of each.

    Raises:
        InvalidInputError: A sample smaller than the number of classes, or copies without a text to perturb.
    """
    rows = len(workshop.labels)
    is_whole = sample is None or sample >= rows
    positions = np.arange(rows) if is_whole or sample is None else choose_rows(workshop, sample)
    chosen = sample_workshop(workshop, sample)
    return LearningRows(augment_workshop(chosen, copies), positions.astype(np.int64))
