"""The embedding that an encoder computes on the way to an answer, kept as it passes: nothing is run twice.

Leaves to others: what it is compared with (`data.profiles`), how texts are run (`serve.equal_lengths`).
Always: the answer is the one that is given without keeping, bit for bit; a row that no encoder was asked
about has NaN.
Not covered: several encoders in one bundle (the first one's rows are kept); experts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.blocks.block import Block
from smallcraft.bundle.blocks.encoder import EncoderBlock
from smallcraft.bundle.decoder import Answers
from smallcraft.bundle.encoded import Dense
from smallcraft.bundle.inputs import Inputs
from smallcraft.bundle.layout import BundleWriter
from smallcraft.bundle.runtime import Bundle, answer_inputs


class Kept(NamedTuple):
    """An answer, and the embeddings that it came from.

    Attributes:
        answers: What the bundle says.
        embedding: `(n, width)` float32; None where it has no encoder.
    """

    answers: Answers
    embedding: NDArray[np.float32] | None


@dataclass(frozen=True)
class _KeepingBlock:
    """An encoder block that leaves a copy of what it said."""

    block: Block
    kept: list[NDArray[np.float32]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.block.name

    @property
    def width(self) -> int:
        return self.block.width

    def encode(self, inputs: Inputs) -> Dense:
        encoded = self.block.encode(inputs)
        assert isinstance(encoded, Dense)
        self.kept.append(encoded.values)
        return encoded

    def save(self, writer: BundleWriter, stage: str) -> Mapping[str, Any]:
        return self.block.save(writer, stage)


class EncoderPlace(NamedTuple):
    """Where in a bundle its first encoder is."""

    stage: int
    block: int


def find_encoder(bundle: Bundle) -> EncoderPlace | None:
    """A bundle's first encoder, also one that stands in for the bundle's own; None where it has none."""
    for number, stage in enumerate(bundle.stages):
        for place, block in enumerate(stage.blocks):
            if block.name == EncoderBlock.name:
                return EncoderPlace(number, place)
    return None


def embed(bundle: Bundle, inputs: Inputs) -> NDArray[np.float32] | None:
    """What a bundle's encoder says of every row, also of those that it would not be asked about.

    Args:
        bundle: Opened.
        inputs: `n` rows.

    Returns:
        `(n, width)`; None where it has no encoder.
    """
    found = find_encoder(bundle)
    if found is None:
        return None
    encoded = bundle.stages[found.stage].blocks[found.block].encode(inputs)
    assert isinstance(encoded, Dense)
    return np.asarray(encoded.values, dtype=np.float32)


def answer_and_keep(bundle: Bundle, inputs: Inputs) -> Kept:
    """Answer, and keep what the encoder said.

    Args:
        bundle: Opened.
        inputs: `n` rows.

    Raises:
        Errors: Those of `answer_inputs`.
    """
    found = find_encoder(bundle)
    if found is None:
        return Kept(answer_inputs(bundle.stages, bundle.decoder, inputs), None)
    stage = bundle.stages[found.stage]
    block = stage.blocks[found.block]
    keeping = _KeepingBlock(block)
    blocks = (*stage.blocks[: found.block], keeping, *stage.blocks[found.block + 1 :])
    stages = list(bundle.stages)
    stages[found.stage] = replace(stage, blocks=blocks)
    answers = answer_inputs(tuple(stages), bundle.decoder, inputs)
    return Kept(answers, _rows(keeping, answers))


def _rows(keeping: _KeepingBlock, answers: Answers) -> NDArray[np.float32]:
    """Of every row, where the encoder was asked about those that escalated, or about none."""
    n = len(answers.escalated)
    if keeping.kept and len(keeping.kept[0]) == n:
        return keeping.kept[0]
    rows = np.full((n, keeping.width), np.nan, np.float32)
    if keeping.kept:
        rows[answers.escalated] = keeping.kept[0]
    return rows
