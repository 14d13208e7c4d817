"""A number a row, with an interval of one width around it where one was fitted: split conformal regression.

Source: Lei et al. (2018), JASA 113:1094-1111.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import BundleFormatError
from smallcraft.records import Decisions


@dataclass(frozen=True)
class Value:
    """Answers with the value itself.

    Attributes:
        half_width: Of the interval, in the target's unit; None for no interval.
        coverage: Promised share of rows whose interval holds the true value; None without an interval.
    """

    half_width: float | None = None
    coverage: float | None = None
    name: ClassVar[str] = "value"

    def decide(self, probs: NDArray[np.float64], classes: Sequence[str]) -> Decisions:  # noqa: ARG002 - contract
        """The values of `(n, 1)`, and the ends of their intervals."""
        values = np.asarray(probs[:, 0], dtype=np.float64)
        return Decisions(
            labels=tuple(values.tolist()),
            confidence=None,
            abstained=np.zeros(len(values), dtype=np.bool_),
            low=None if self.half_width is None else values - self.half_width,
            high=None if self.half_width is None else values + self.half_width,
        )

    def describe(self) -> Mapping[str, Any]:
        """Its kind, the interval and what it promises."""
        return {"kind": self.name, "half_width": self.half_width, "coverage": self.coverage}

    @classmethod
    def read(cls, description: Mapping[str, Any]) -> Value:
        """From `bundle.json`.

        Raises:
            BundleFormatError: The width is no number of 0 or more, or the coverage no fraction.
        """
        try:
            width, coverage = (
                None if description[name] is None else float(description[name])
                for name in ("half_width", "coverage")
            )
        except (KeyError, TypeError, ValueError) as error:
            raise _refusal(description) from error
        if (width is not None and not 0 <= width < np.inf) or (coverage is not None and not 0 < coverage < 1):
            raise _refusal(description)
        return cls(width, coverage)


def _refusal(description: Mapping[str, Any]) -> BundleFormatError:
    return BundleFormatError(
        "a decision for a value wants a half width of 0 or more and a coverage in (0, 1), or neither, "
        f"got {dict(description)}; take the bundle from the registry again"
    )
