"""Questions as tables: what they say to single counts, so that the rest is one product of matrices.

Left to others: what is asked (`serve.rollout.guardrails`).
Always: what a table says to counts is what its part says to them, up to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from smallcraft.serve.rollout.counts import ArmCounts, no_counts
from smallcraft.serve.rollout.guardrails import Part

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PartTable:
    """The questions of one part at one chance of the new arm.

    Attributes:
        fields: Of `ArmCounts`, those that are read, in the order of the rows.
        ratios: `(counts, guesses)` float64; the guesses of all questions side by side.
    """

    fields: tuple[str, ...]
    ratios: Floats

    def look(self, counts: ArmCounts) -> Floats:
        """`(..., guesses)` logarithms of likelihood ratios."""
        leading = counts.requests.shape[:-1]
        flat = [np.reshape(getattr(counts, name), (*leading, -1)) for name in self.fields]
        values = flat[0] if len(flat) == 1 else np.concatenate(flat, axis=-1)
        return np.asarray(values.astype(np.float64) @ self.ratios)


def tabulate(part: Part, share: float, *, classes: int) -> PartTable:
    """Ask a part's questions of every single count.

    Args:
        part: Asks.
        share: Chance of the new arm, in (0, 1).
        classes: How many the stable release has.
    """
    none = no_counts(classes)
    sizes = [getattr(none, name).size for name in part.fields]
    places = np.cumsum([0, *sizes])
    units = np.eye(places[-1], dtype=np.int64)
    singles = {
        name: units[:, begin : begin + size].reshape(-1, *getattr(none, name).shape)
        for name, begin, size in zip(part.fields, places, sizes, strict=False)
    }
    asked = replace(none, **singles)
    said: Sequence[Floats] = [question.ratios(asked, share) for question in part.questions]
    return PartTable(part.fields, np.concatenate(said, axis=-1))
