"""Whether a row is answered by the first stage alone, or the further ones are asked too.

Left to others: what the stages' answers are made of (`bundle.decoder`), and what a stage asks of its own
experts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Router(Protocol):
    """Stops at the first stage, or asks the others."""

    def asks_on(self, probs: NDArray[np.float64]) -> NDArray[np.bool_]:
        """`(n,)` True where the first stage's `(n, k)` probabilities do not settle the row."""


@dataclass(frozen=True)
class BelowThreshold:
    """Asks on where the first stage is less sure than a threshold.

    Attributes:
        threshold: In [0, 1]; 0 stops always.
        each_label: Whether each label is a yes or no of its own: then the least sure one counts.
    """

    threshold: float
    each_label: bool = False

    def asks_on(self, probs: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Rows below the threshold."""
        if self.each_label:
            below: NDArray[np.bool_] = np.maximum(probs, 1 - probs).min(axis=1) < self.threshold
        else:
            below = probs.max(axis=1) < self.threshold
        return below
