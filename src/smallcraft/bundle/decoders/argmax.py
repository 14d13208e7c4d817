"""The most probable label of each row, whatever its probability; the first one on a tie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.records import Decisions


@dataclass(frozen=True)
class Argmax:
    """Answers every row."""

    name: ClassVar[str] = "argmax"

    def decide(self, probs: NDArray[np.float64], classes: Sequence[str]) -> Decisions:
        """The most probable label and its probability."""
        codes = probs.argmax(axis=1).tolist()
        return Decisions(
            labels=tuple([classes[code] for code in codes]),
            confidence=probs[:, codes[0]] if len(codes) == 1 else np.maximum.reduce(probs, axis=1),
            abstained=np.zeros(len(probs), dtype=np.bool_),
        )

    def describe(self) -> Mapping[str, Any]:
        """Its kind alone."""
        return {"kind": self.name}

    @classmethod
    def read(cls, description: Mapping[str, Any]) -> Argmax:  # noqa: ARG003 - there is nothing to read
        """From `bundle.json`."""
        return cls()
