"""What every decoder of the folder offers: from probabilities to answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from smallcraft.records import Decisions


class Decider(Protocol):
    """Turns probabilities into answers."""

    @property
    def name(self) -> str:
        """Its key in the table of decoders."""

    def decide(self, probs: NDArray[np.float64], classes: Sequence[str]) -> Decisions:
        """An answer to each row; a row's never depends on its neighbours.

        Args:
            probs: `(n, k)` in the order of `classes`; of a regression `(n, 1)` values.
            classes: The `k` labels.
        """

    def describe(self) -> Mapping[str, Any]:
        """Plain values with its kind; given to the table's entry, they restore it."""
