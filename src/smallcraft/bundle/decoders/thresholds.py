"""Several labels a row: each one whose probability reaches a threshold of its own.

A row may have no label at all; that is an answer, not an abstention.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import BundleFormatError
from smallcraft.records import Decisions

HALF = 0.5


@dataclass(frozen=True)
class Thresholds:
    """Answers with a tuple of labels, in the order of the classes.

    Attributes:
        thresholds: One a label; none for a half each.
    """

    thresholds: tuple[float, ...] = ()
    name: ClassVar[str] = "thresholds"

    def choose(self, probs: NDArray[np.float64]) -> NDArray[np.bool_]:
        """`(n, k)`, True where a label is given."""
        chosen: NDArray[np.bool_] = probs >= np.array(self.thresholds or HALF)
        return chosen

    def decide(self, probs: NDArray[np.float64], classes: Sequence[str]) -> Decisions:
        """The labels of each row; its confidence is how probable the least sure of its `k` yes-or-no is."""
        chosen = self.choose(probs)
        names = np.array(classes, dtype=np.object_)
        return Decisions(
            labels=tuple(tuple(names[row].tolist()) for row in chosen),
            confidence=np.where(chosen, probs, 1 - probs).min(axis=1, initial=1.0),
            abstained=np.zeros(len(probs), dtype=np.bool_),
        )

    def describe(self) -> Mapping[str, Any]:
        """Its kind and thresholds."""
        return {"kind": self.name, "thresholds": list(self.thresholds)}

    @classmethod
    def read(cls, description: Mapping[str, Any]) -> Thresholds:
        """From `bundle.json`.

        Raises:
            BundleFormatError: A threshold is no number of 0 or more.
        """
        try:
            thresholds = tuple(float(threshold) for threshold in description["thresholds"])
        except (KeyError, TypeError, ValueError) as error:
            raise _refusal(description) from error
        if not all(0 <= threshold < np.inf for threshold in thresholds):
            raise _refusal(description)
        return cls(thresholds)


def _refusal(description: Mapping[str, Any]) -> BundleFormatError:
    return BundleFormatError(
        f"a decision label by label wants thresholds of 0 or more, got {dict(description)}; "
        "take the bundle from the registry again"
    )
