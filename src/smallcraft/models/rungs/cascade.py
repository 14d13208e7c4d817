"""A first stage answers what it is sure of; the rest is answered by it and a dearer second stage together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.blocks.encoder import EncoderBlock
from smallcraft.bundle.blocks.static import StaticBlock
from smallcraft.bundle.stage import Stage
from smallcraft.canonical import digest_bytes
from smallcraft.contracts import Need, Rung
from smallcraft.models.rungs.fast import FAST
from smallcraft.models.rungs.frozen import FROZEN
from smallcraft.models.workshop import Workshop
from smallcraft.records import Task


@dataclass(frozen=True)
class Cascade:
    """Both stages are those of rungs before it: nothing is trained twice.

    Attributes:
        name: Its own.
        first: Asked about every row.
        second: Asked about the rows that the first is unsure of.
    """

    name: str
    first: Rung[Workshop, Stage]
    second: Rung[Workshop, Stage]
    tasks: ClassVar[frozenset[Task]] = frozenset({"multiclass"})
    rounds: ClassVar[bool] = True

    @property
    def needs(self) -> frozenset[Need]:
        """What either stage needs."""
        return self.first.needs | self.second.needs

    @property
    def is_raced(self) -> bool:
        """Whether the second stage is dear to train."""
        return self.second.is_raced

    @property
    def no_cheaper_than(self) -> str | None:
        """What answers with fewer pieces by the first stage alone."""
        return "tiny" if self.is_raced else None

    def estimate_cpu_s(self, workshop: Workshop) -> float | None:
        """What its second stage takes; the first takes seconds."""
        return self.second.estimate_cpu_s(workshop)

    def stages(self, workshop: Workshop) -> tuple[Stage, ...]:
        """The first, then the second; their files are named so that one bundle holds both."""
        (first,), (second,) = self.first.stages(workshop), self.second.stages(workshop)
        return _named_apart(first, second), second

    def out_of_fold(self, workshop: Workshop) -> tuple[NDArray[np.float64], ...]:
        """Logits of both."""
        return (*self.first.out_of_fold(workshop), *self.second.out_of_fold(workshop))


def _named_apart(first: Stage, second: Stage) -> Stage:
    """The first stage with a token table that bears the second's name only where it is the same table."""
    encoders = [block for block in second.blocks if isinstance(block, EncoderBlock)]
    taken = {path: digest for block in encoders for path, digest in block.files.digests.items()}
    blocks = tuple(
        replace(block, path=f"{first.name}-{block.path}")
        if isinstance(block, StaticBlock) and taken.get(block.path, "") not in ("", _digest(block))
        else block
        for block in first.blocks
    )
    return replace(first, blocks=blocks)


def _digest(block: StaticBlock) -> str:
    return digest_bytes(block.table.tobytes())


CASCADE = Cascade("cascade", FAST, FROZEN)
