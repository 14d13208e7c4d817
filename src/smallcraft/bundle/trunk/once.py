"""Within one call, a text is run through the encoder once, however many tasks ask about it.

Always: a task gets the very row its own bundle would compute; tasks that scale or change the encoder's output
differently never share rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.blocks.block import Block
from smallcraft.bundle.blocks.encoder import EncoderBlock
from smallcraft.bundle.encoded import Dense
from smallcraft.bundle.inputs import Inputs
from smallcraft.bundle.layout import BundleWriter
from smallcraft.bundle.runtime import Bundle

Rows = dict[str, NDArray[np.float32]]
# What a task may set for itself on an encoder that it shares.
_NUMBERS = ("first", "gain", "last", "longest")


@dataclass(frozen=True)
class RememberingBlock:
    """An encoder block that looks a text up before it runs it.

    Attributes:
        block: The task's own.
        rows: Text to row, `(width,)`; shared by the blocks that would compute the same.
    """

    block: EncoderBlock
    rows: Rows

    @property
    def name(self) -> str:
        """Its kind."""
        return self.block.name

    @property
    def width(self) -> int:
        """Width of the embedding."""
        return self.block.width

    def encode(self, inputs: Inputs) -> Dense:
        """`(n, width)`; only texts not met before are run."""
        texts = inputs.texts or []
        new = {text: row for row, text in enumerate(texts) if text not in self.rows}
        made = self.block.encode(inputs.take(np.array(list(new.values()), dtype=np.intp)))
        self.rows.update(zip(new, made.values, strict=True))
        if not texts:
            return made
        return Dense(np.stack([self.rows[text] for text in texts]))

    def save(self, writer: BundleWriter, stage: str) -> Mapping[str, Any]:
        """As the block it stands for."""
        return self.block.save(writer, stage)


@dataclass
class Call:
    """What one call has encoded so far; belongs to one thread.

    Attributes:
        rows: For each way of encoding, the rows by text.
    """

    rows: dict[tuple[object, ...], Rows] = field(default_factory=dict)

    def bind(self, bundle: Bundle, encoder: str) -> Bundle:
        """The bundle with encoder blocks that remember.

        Args:
            bundle: A task's.
            encoder: Names the encoder that it runs: the trunk's as it is, or with which adapter.
        """
        stages = tuple(
            replace(stage, blocks=tuple(self._remembering(block, encoder) for block in stage.blocks))
            for stage in bundle.stages
        )
        return replace(bundle, stages=stages)

    def _remembering(self, block: Block, encoder: str) -> Block:
        if not isinstance(block, EncoderBlock):
            return block
        way = (encoder, *(block.spec[key] for key in _NUMBERS))
        return RememberingBlock(block, self.rows.setdefault(way, {}))
