"""The most probable label where its probability reaches a threshold, and no answer elsewhere.

The threshold is fitted from an error budget by `models.decisions`; what was promised stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import BundleFormatError
from smallcraft.records import Decisions


@dataclass(frozen=True)
class Abstain:
    """Answers the rows it is sure of.

    Attributes:
        threshold: Least probability of an answer; above 1 nothing is ever answered.
        promise: The error budget, and how far the rows at hand show that it is kept; plain values.
    """

    threshold: float
    promise: Mapping[str, Any] = field(default_factory=dict)
    name: ClassVar[str] = "abstain"

    def decide(self, probs: NDArray[np.float64], classes: Sequence[str]) -> Decisions:
        """The most probable label, None where its probability is below the threshold."""
        codes, confidence = probs.argmax(axis=1), probs.max(axis=1)
        abstained = confidence < self.threshold
        return Decisions(
            labels=tuple(
                None if is_unsure else classes[code] for code, is_unsure in zip(codes, abstained, strict=True)
            ),
            confidence=confidence,
            abstained=abstained,
        )

    def describe(self) -> Mapping[str, Any]:
        """Its kind, threshold and promise."""
        return {"kind": self.name, "threshold": self.threshold, "promise": dict(self.promise)}

    @classmethod
    def read(cls, description: Mapping[str, Any]) -> Abstain:
        """From `bundle.json`.

        Raises:
            BundleFormatError: The threshold is missing, negative or no number.
        """
        return cls(read_threshold(description), dict(description.get("promise", {})))


def read_threshold(description: Mapping[str, Any]) -> float:
    """The threshold of a description.

    Raises:
        BundleFormatError: It is missing, negative or no number.
    """
    try:
        threshold = float(description["threshold"])
    except (KeyError, TypeError, ValueError) as error:
        raise _refusal(description) from error
    if not 0 <= threshold < np.inf:
        raise _refusal(description)
    return threshold


def _refusal(description: Mapping[str, Any]) -> BundleFormatError:
    return BundleFormatError(
        f"a decision by threshold wants a number of 0 or more, got {dict(description)}; "
        "take the bundle from the registry again"
    )
