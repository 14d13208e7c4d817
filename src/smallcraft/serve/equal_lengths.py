"""Several texts in one run of an encoder, where that changes no bit of any answer.

A float graph computes each text of a run by the same operations in an order that depends on the run's shape
alone, so one comparison a shape settles it: the first run of a shape is computed both ways, and that shape is
used again only when no bit differed. An INT8 graph takes its ranges from the whole run, so its texts are run
one by one; so are those of a length that has no second text. With several threads, runs go side by side.
Leaves to others: which questions are answered together (`serve.worker`).
Always: a text's row is the one that `EncoderBlock.encode` gives it alone; equal texts are run once.
Not covered: experts (`bundle.blocks.experts`), whose texts are run one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
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

MOST_TEXTS = 16


@dataclass
class Together:
    """How the texts of one encoder may be run.

    Attributes:
        pool: Runs go side by side in it; None for one after the other.
        shapes: For each `(texts, tokens)` met whether the texts' rows were those that they have alone.
    """

    pool: Executor | None = None
    shapes: dict[tuple[int, int], bool] = field(default_factory=dict)

    def bind(self, bundle: Bundle) -> Bundle:
        """The bundle with encoders that run texts of equal length together."""
        stages = tuple(
            replace(stage, blocks=tuple(self._bound(block) for block in stage.blocks))
            for stage in bundle.stages
        )
        return replace(bundle, stages=stages)

    def _bound(self, block: Block) -> Block:
        return EqualLengthsBlock(block, self) if isinstance(block, EncoderBlock) else block


@dataclass(frozen=True)
class EqualLengthsBlock:
    """An encoder block that runs as few times as it may.

    Attributes:
        block: The bundle's own.
        together: What is known of its runs.
    """

    block: EncoderBlock
    together: Together

    @property
    def name(self) -> str:
        """Its kind."""
        return self.block.name

    @property
    def width(self) -> int:
        """Width of the embedding."""
        return self.block.width

    def encode(self, inputs: Inputs) -> Dense:
        """`(n, width)`, the very rows of the bundle's own block."""
        if inputs.n < 2:
            return self.block.encode(inputs)
        ids = self.block.ids(inputs)
        places: dict[bytes, list[int]] = {}
        for place, tokens in enumerate(ids):
            places.setdefault(tokens.tobytes(), []).append(place)
        firsts = [ids[some[0]] for some in places.values()]
        values = np.empty((len(ids), self.width), dtype=np.float32)
        for row, some in zip(self._rows(firsts), places.values(), strict=True):
            values[some] = row
        return Dense(values)

    def save(self, writer: BundleWriter, stage: str) -> Mapping[str, Any]:
        """As the block it stands for."""
        return self.block.save(writer, stage)

    def _rows(self, ids: Sequence[NDArray[np.int32]]) -> list[NDArray[np.float32]]:
        """The row of each of some different texts."""
        groups = plan_runs([tokens.shape[1] for tokens in ids], most=self._most())
        runs = [np.concatenate([ids[place] for place in group]) for group in groups]
        pool = self.together.pool
        found = map(self._run, runs) if pool is None or len(runs) < 2 else pool.map(self._run, runs)
        rows = {
            place: row
            for group, some in zip(groups, found, strict=True)
            for place, row in zip(group, some, strict=True)
        }
        return [rows[place] for place in range(len(ids))]

    def _most(self) -> int:
        """Texts a run; INT8 is not even tried."""
        return MOST_TEXTS if self.block.spec.get("form") == "fp32" else 1

    def _run(self, ids: NDArray[np.int32]) -> list[NDArray[np.float32]]:
        if len(ids) == 1:
            return self.block.run(ids)
        texts, tokens = ids.shape
        is_same = self.together.shapes.get((texts, tokens))
        if is_same:
            return self.block.run(ids)
        alone = [self.block.run(row[np.newaxis])[0] for row in ids]
        if is_same is None:
            pairs = zip(alone, self.block.run(ids), strict=True)
            self.together.shapes[texts, tokens] = all(np.array_equal(one, other) for one, other in pairs)
        return alone


def plan_runs(lengths: Sequence[int], *, most: int = MOST_TEXTS) -> list[list[int]]:
    """Which texts are run together: of one length, and as many as a power of two, so that shapes are few.

    Args:
        lengths: Tokens of each text.
        most: Texts a run, a power of two.

    Returns:
        Places of the texts of each run; every place once.

    >>> plan_runs([5, 7, 5, 5])
    [[0, 2], [3], [1]]
    """
    of_length: dict[int, list[int]] = {}
    for place, length in enumerate(lengths):
        of_length.setdefault(length, []).append(place)
    runs = []
    for places in of_length.values():
        while places:
            size = min(most, 1 << (len(places).bit_length() - 1))
            runs.append(places[:size])
            places = places[size:]
    return runs
