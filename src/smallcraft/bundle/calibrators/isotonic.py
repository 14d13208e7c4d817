"""Isotonic calibration: a rising piecewise-linear map for each class, one against the rest, normalised again.

Source: Zadrozny and Elkan (2002), KDD, 694-699.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import BundleFormatError


@dataclass(frozen=True)
class Isotonic:
    """A map a class.

    Attributes:
        knots: For each of the `k` classes the probabilities where its map bends, rising.
        values: For each class the map's values there, above 0 and never falling.
    """

    knots: tuple[tuple[float, ...], ...]
    values: tuple[tuple[float, ...], ...]
    name: ClassVar[str] = "isotonic"

    def apply(self, probs: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(n, k)` to `(n, k)`, rows sum to 1."""
        mapped = np.stack(
            [
                np.interp(column, knots, values)
                for column, knots, values in zip(probs.T, self.knots, self.values, strict=True)
            ],
            axis=1,
        )
        result: NDArray[np.float64] = mapped / mapped.sum(axis=1, keepdims=True)
        return result

    def describe(self) -> Mapping[str, Any]:
        """Its kind and maps."""
        return {
            "kind": self.name,
            "knots": [list(part) for part in self.knots],
            "values": [list(part) for part in self.values],
        }

    @classmethod
    def read(cls, description: Mapping[str, Any]) -> Isotonic:
        """From `bundle.json`.

        Raises:
            BundleFormatError: A map is missing, falls, or has values of 0 or less.
        """
        try:
            knots, values = (
                tuple(tuple(map(float, part)) for part in description[name]) for name in ("knots", "values")
            )
        except (KeyError, TypeError, ValueError) as error:
            raise _refusal() from error
        if not knots or len(knots) != len(values):
            raise _refusal()
        if not all(_is_map(*part) for part in zip(knots, values, strict=True)):
            raise _refusal()
        return cls(knots, values)


def _is_map(knots: tuple[float, ...], values: tuple[float, ...]) -> bool:
    if not knots or len(knots) != len(values) or not np.isfinite((*knots, *values)).all():
        return False
    return bool((np.diff(knots) > 0).all() and (np.diff(values) >= 0).all() and values[0] > 0)


def _refusal() -> BundleFormatError:
    return BundleFormatError(
        "isotonic calibration wants a rising map of positive values for each class, got others; "
        "take the bundle from the registry again"
    )
