"""From logits to probabilities: one stage, or a cascade that escalates the rows it is unsure of.

A cascade answers escalated rows with the calibrated log-average of both stages, not with the second alone:
the first stage's logits are there already, and both together are right more often than either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import BundleFormatError


@dataclass(frozen=True)
class Decoder:
    """How logits become probabilities.

    Attributes:
        scale: Inverse temperature of the first stage alone.
        threshold: Escalate rows whose highest probability is below; 0 with one stage.
        mix: With two stages, what each one's logits are multiplied by before they are added.
    """

    scale: float
    threshold: float = 0.0
    mix: tuple[float, float] | None = None

    def describe(self) -> Mapping[str, Any]:
        """As `bundle.json` has it."""
        mix = None if self.mix is None else list(self.mix)
        return {"scale": self.scale, "threshold": self.threshold, "mix": mix}

    @classmethod
    def read(cls, description: Mapping[str, Any]) -> Decoder:
        """From `bundle.json`.

        Raises:
            BundleFormatError: A number is missing or out of its range.
        """
        try:
            scale, threshold = float(description["scale"]), float(description["threshold"])
            mix = description.get("mix")
            weights = None if mix is None else tuple(map(float, mix))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _refusal(description) from error
        if not (0 < scale < np.inf and 0 <= threshold <= 1):
            raise _refusal(description)
        if weights is None:
            return cls(scale, threshold)
        if len(weights) != 2 or not all(0 <= weight < np.inf for weight in weights):
            raise _refusal(description)
        return cls(scale, threshold, (weights[0], weights[1]))


def _refusal(description: object) -> BundleFormatError:
    return BundleFormatError(
        "a decoder wants scale > 0, threshold in [0, 1] and no or two mixing weights of 0 or more, "
        f"got {description}; take the bundle from the registry again"
    )


@dataclass(frozen=True)
class Answers:
    """What a bundle says about `n` rows.

    Attributes:
        probs: `(n, k)` float64, rows sum to 1.
        escalated: `(n,)` bool, True where a second stage was asked.
    """

    probs: NDArray[np.float64]
    escalated: NDArray[np.bool_]


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(n, k)` logits to rows that sum to 1.

    >>> softmax(np.array([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: NDArray[np.float64] = shifted / shifted.sum(axis=1, keepdims=True)
    return result


def decode(
    decoder: Decoder,
    first: NDArray[np.float64],
    second: Callable[[NDArray[np.intp]], NDArray[np.float64]] | None,
) -> Answers:
    """Probabilities of every row; the second stage is asked for the unsure rows only.

    Args:
        decoder: Scales, threshold and mix.
        first: `(n, k)` logits of the first stage.
        second: Gives `(m, k)` logits of the second stage for `m` row positions; None with one stage.
    """
    probs = softmax(decoder.scale * first)
    escalated = np.zeros(len(first), dtype=np.bool_)
    if second is None or decoder.mix is None:
        return Answers(probs, escalated)
    escalated = probs.max(axis=1) < decoder.threshold
    rows = np.flatnonzero(escalated)
    if len(rows):
        probs[rows] = softmax(mix_logits(decoder.mix, (first[rows], second(rows))))
    return Answers(probs, escalated)


def mix_logits(mix: tuple[float, float], logits: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The weighted sum of two stages' logits, `(n, k)`."""
    result: NDArray[np.float64] = mix[0] * logits[0] + mix[1] * logits[1]
    return result
