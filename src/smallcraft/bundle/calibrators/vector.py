"""Vector scaling: each class's log-probability times a weight, plus a bias, normalised again.

Source: Guo et al. (2017), On calibration of modern neural networks, section 4.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import BundleFormatError

# The log of the smallest positive number; a probability of 0 must stay comparable.
_LEAST = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class Vector:
    """Two numbers a class.

    Attributes:
        weights: `k` numbers.
        biases: `k` numbers.
    """

    weights: tuple[float, ...]
    biases: tuple[float, ...]
    name: ClassVar[str] = "vector"

    def apply(self, probs: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(n, k)` to `(n, k)`, rows sum to 1."""
        logits = np.log(np.maximum(probs, _LEAST)) * np.array(self.weights) + np.array(self.biases)
        shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
        result: NDArray[np.float64] = shifted / shifted.sum(axis=1, keepdims=True)
        return result

    def describe(self) -> Mapping[str, Any]:
        """Its kind and numbers."""
        return {"kind": self.name, "weights": list(self.weights), "biases": list(self.biases)}

    @classmethod
    def read(cls, description: Mapping[str, Any]) -> Vector:
        """From `bundle.json`.

        Raises:
            BundleFormatError: There is not a finite weight and bias for each class.
        """
        try:
            weights, biases = (tuple(map(float, description[name])) for name in ("weights", "biases"))
        except (KeyError, TypeError, ValueError) as error:
            raise _refusal() from error
        if not weights or len(weights) != len(biases) or not np.isfinite((*weights, *biases)).all():
            raise _refusal()
        return cls(weights, biases)


def _refusal() -> BundleFormatError:
    return BundleFormatError(
        "vector scaling wants a finite weight and bias for each class, got others; "
        "take the bundle from the registry again"
    )
