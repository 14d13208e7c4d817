"""From logits to probabilities: one stage, or a cascade that asks further stages about rows it is unsure of.

A cascade answers such rows with the calibrated log-average of all its stages, not with the last alone: the
first stage's logits are there already, and together they are right more often than either.
What is answered from the probabilities, `bundle.decoders` say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.calibrators import BUILTIN as CALIBRATORS
from smallcraft.bundle.calibrators.calibrator import Calibrator
from smallcraft.bundle.decoders import BUILTIN as DECODERS
from smallcraft.bundle.decoders.argmax import Argmax
from smallcraft.bundle.decoders.decider import Decider
from smallcraft.bundle.decoders.thresholds import Thresholds
from smallcraft.bundle.decoders.value import Value
from smallcraft.bundle.router import BelowThreshold, Router
from smallcraft.errors import BundleFormatError

Link = Literal["softmax", "sigmoid", "identity"]
_USUAL: Mapping[Link, Decider] = {"softmax": Argmax(), "sigmoid": Thresholds(), "identity": Value()}
_Part = TypeVar("_Part")


@dataclass(frozen=True)
class Decoder:
    """How logits become probabilities, and these an answer.

    Attributes:
        scale: Inverse temperature of the first stage alone.
        threshold: Ask on about rows whose highest probability is below; 0 with one stage.
        mix: With several stages, what each one's logits are multiplied by before they are added.
        link: `softmax` for one of the classes, `sigmoid` for several labels, `identity` for a number.
        scales: With `sigmoid`, `k` numbers the logits are multiplied by; none for `scale` each.
        shifts: With `sigmoid`, `k` numbers added afterwards; none for 0 each.
        calibrator: Corrects the probabilities; None where the temperature does.
        decider: What is answered; None for what is usual with the link.
    """

    scale: float
    threshold: float = 0.0
    mix: tuple[float, ...] | None = None
    link: Link = "softmax"
    scales: tuple[float, ...] = ()
    shifts: tuple[float, ...] = ()
    calibrator: Calibrator | None = None
    decider: Decider | None = None

    @property
    def decides(self) -> Decider:
        """What is answered: the decider, or the usual one."""
        return self.decider or _USUAL[self.link]

    @property
    def router(self) -> Router:
        """Which rows further stages are asked about."""
        return BelowThreshold(self.threshold, each_label=self.link == "sigmoid")

    def apply(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities (or values) of the first stage alone, `(n, k)`, before the calibrator."""
        if self.link == "sigmoid" and self.scales:
            return sigmoid(logits * np.array(self.scales) + np.array(self.shifts or 0.0))
        return self.linked(self.scale * logits)

    def linked(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(n, k)` logits, already scaled, as probabilities or values."""
        if self.link == "softmax":
            return softmax(logits)
        return sigmoid(logits) if self.link == "sigmoid" else logits

    def describe(self) -> Mapping[str, Any]:
        """As `bundle.json` has it; what is usual is left out."""
        told: dict[str, Any] = {
            "scale": self.scale,
            "threshold": self.threshold,
            "mix": None if self.mix is None else list(self.mix),
        }
        if self.link != "softmax":
            told |= {"link": self.link, "scales": list(self.scales), "shifts": list(self.shifts)}
        if self.calibrator is not None:
            told["calibration"] = self.calibrator.describe()
        if self.decider is not None:
            told["decision"] = self.decider.describe()
        return told

    @classmethod
    def read(cls, description: Mapping[str, Any]) -> Decoder:
        """From `bundle.json`.

        Raises:
            BundleFormatError: A number is missing or out of its range, or a kind is unknown here.
        """
        try:
            scale, threshold = float(description["scale"]), float(description["threshold"])
            mix = description.get("mix")
            weights = None if mix is None else tuple(map(float, mix))
            scales, shifts = (tuple(map(float, description.get(name, ()))) for name in ("scales", "shifts"))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _refusal(description) from error
        link: Any = description.get("link", "softmax")
        is_linked = link in get_args(Link) and bool(np.isfinite((*scales, *shifts)).all())
        if not (0 < scale < np.inf and 0 <= threshold <= 1 and is_linked):
            raise _refusal(description)
        if weights is not None and not (len(weights) > 1 and all(0 <= w < np.inf for w in weights)):
            raise _refusal(description)
        return cls(
            scale,
            threshold,
            weights,
            link,
            scales,
            shifts,
            calibrator=_read_part(description.get("calibration"), CALIBRATORS),
            decider=_read_part(description.get("decision"), DECODERS),
        )


def _read_part(description: Any, table: Mapping[str, Callable[[Mapping[str, Any]], _Part]]) -> _Part | None:  # noqa: ANN401 - JSON
    if description is None:
        return None
    kind = description.get("kind") if isinstance(description, Mapping) else None
    if not isinstance(kind, str) or kind not in table:
        raise BundleFormatError(
            f"this version reads the kinds {', '.join(sorted(table))}, the bundle has {kind!r}; "
            "update smallcraft to read it"
        )
    return table[kind](description)


def _refusal(description: object) -> BundleFormatError:
    return BundleFormatError(
        "a decoder wants scale > 0, threshold in [0, 1], no or two and more mixing weights of 0 or more, and "
        f"a link of {', '.join(get_args(Link))}, got {description}; take the bundle from the registry again"
    )


@dataclass(frozen=True)
class Answers:
    """What a bundle says about `n` rows.

    Attributes:
        probs: `(n, k)` float64: rows that sum to 1, each label's on its own, or `(n, 1)` values.
        escalated: `(n,)` bool, True where further stages were asked.
    """

    probs: NDArray[np.float64]
    escalated: NDArray[np.bool_]


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(n, k)` logits to rows that sum to 1.

    >>> softmax(np.array([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    if len(logits) == 1:
        # What a server is asked most: the same operations, without an axis to keep.
        row = logits[0]
        shares: NDArray[np.float64] = row - row[row.argmax()]
        np.exp(shares, out=shares)
        shares /= np.add.reduce(shares)
        return shares[np.newaxis]
    shifted: NDArray[np.float64] = logits - np.maximum.reduce(logits, axis=1, keepdims=True)
    np.exp(shifted, out=shifted)
    shifted /= np.add.reduce(shifted, axis=1, keepdims=True)
    return shifted


def sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each logit as a probability of its own.

    >>> sigmoid(np.array([[0.0, -800.0, 800.0]])).tolist()
    [[0.5, 0.0, 1.0]]
    """
    small = np.exp(-np.abs(logits))
    result: NDArray[np.float64] = np.where(logits >= 0, 1.0, small) / (1 + small)
    return result


def decode(
    decoder: Decoder,
    first: NDArray[np.float64],
    others: Callable[[NDArray[np.intp]], Sequence[NDArray[np.float64]]] | None,
) -> Answers:
    """Probabilities of every row; further stages are asked about the unsure rows only.

    Args:
        decoder: Scales, threshold, mix and calibrator.
        first: `(n, k)` logits of the first stage.
        others: Gives for `m` row positions `(m, k)` logits of each further stage; None with one stage.
    """
    probs = decoder.apply(first)
    escalated = np.zeros(len(first), dtype=np.bool_)
    if others is not None and decoder.mix is not None:
        escalated = decoder.router.asks_on(probs)
        rows = np.flatnonzero(escalated)
        if len(rows):
            probs[rows] = decoder.linked(mix_logits(decoder.mix, (first[rows], *others(rows))))
    if decoder.calibrator is not None:
        probs = decoder.calibrator.apply(probs)
    return Answers(probs, escalated)


def mix_logits(mix: Sequence[float], logits: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The weighted sum of several stages' logits, `(n, k)`."""
    total = mix[0] * logits[0]
    for weight, part in zip(mix[1:], logits[1:], strict=True):
        total = total + weight * part
    result: NDArray[np.float64] = total
    return result
