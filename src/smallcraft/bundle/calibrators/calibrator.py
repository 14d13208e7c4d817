"""What every calibrator offers: probabilities corrected after the temperature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Calibrator(Protocol):
    """Corrects probabilities of classes."""

    @property
    def name(self) -> str:
        """Its key in the table of calibrators."""

    def apply(self, probs: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(n, k)` to `(n, k)`, rows sum to 1; a row's never depend on its neighbours."""

    def describe(self) -> Mapping[str, Any]:
        """Plain values with its kind; given to the table's entry, they restore it."""
