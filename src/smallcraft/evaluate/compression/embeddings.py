"""An encoder's INT8 embeddings beside its exact ones: how far rounding turned them.

Always: every encoder of a bundle is measured on its own, on all rows given, whichever stage would be asked.
Left to others: how near is near enough (`gates.policy`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.blocks.encoder import EncoderBlock
from smallcraft.bundle.inputs import Rows, read_inputs
from smallcraft.bundle.runtime import Bundle
from smallcraft.evaluate.measuring.estimates import Place, average, measure_hits, measure_mean
from smallcraft.records import Measurement

COSINE, LEAST_COSINE, NEAR_ROWS = "embedding_cosine", "least_embedding_cosine", "near_embedding_share"
# A row this near to its exact embedding counts as unmoved. The least of the rows falls with their number, so
# it is told and judges nothing.
NEAR = 0.97
EVERY_ENCODER = "encoder=*"


@dataclass(frozen=True)
class EncoderPair:
    """An encoder in both forms, by the name of its stage."""

    stage: str
    rounded: EncoderBlock
    exact: EncoderBlock


def encoder_pairs(rounded: Bundle, exact: Bundle) -> Iterator[EncoderPair]:
    """Every encoder of a bundle beside that of its exact form, in the order of the stages."""
    for stage, other in zip(rounded.stages, exact.stages, strict=True):
        for block, beside in zip(stage.blocks, other.blocks, strict=True):
            if isinstance(block, EncoderBlock) and isinstance(beside, EncoderBlock):
                yield EncoderPair(stage.name, block, beside)


def measure_embeddings(
    rounded: Bundle, exact: Bundle, rows: Rows, *, confidence: float
) -> tuple[Measurement, ...]:
    """Mean cosine of each encoder, the share of near rows and the least one, as slices `encoder=<stage>`.

    Args:
        rounded: With INT8 encoders, or none.
        exact: Its exact form.
        rows: Input columns, at least two rows.
        confidence: Coverage of the mean's interval.
    """
    inputs = read_inputs(rows, rounded.spec)
    found: list[Measurement] = []
    for pair in encoder_pairs(rounded, exact):
        near = cosines(pair.rounded.encode(inputs).values, pair.exact.encode(inputs).values)
        place = Place(f"encoder={pair.stage}", None, confidence)
        found.append(measure_mean(COSINE, average(near), place))
        least = float(near.min()) if len(near) else None
        method = "least of the rows, INT8 beside fp32"
        found.append(replace(measure_hits(NEAR_ROWS, near >= NEAR, confidence=confidence), slice=place.slice))
        found.append(Measurement(LEAST_COSINE, least, "fraction", len(near), method, slice=place.slice))
    return tuple(found)


def cosines(one: NDArray[np.float32], two: NDArray[np.float32]) -> NDArray[np.float64]:
    """`(n,)` cosine of each row of `(n, width)` with the same row of the other.

    >>> cosines(np.eye(2, dtype=np.float32), np.ones((2, 2), np.float32)).round(3).tolist()
    [0.707, 0.707]
    """
    first, other = one.astype(np.float64), two.astype(np.float64)
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(other, axis=1)
    near: NDArray[np.float64] = (first * other).sum(axis=1) / np.maximum(lengths, 1e-12)
    return near
