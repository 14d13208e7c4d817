"""Runs texts through an encoder: by threads of this process, or in pieces on an engine that is elsewhere.

An encoder travels as the bytes of its files, sent once; where it arrives it is opened once a process.
Leaves to others: which texts were run before (`models.text_memory`), where an engine is (`engine`).
Always: a row is its text's alone, so that pieces and threads change no bit; a few texts are run here.
Not covered: machines of several kinds in one cluster: INT8 arithmetic depends on the processor.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.blocks.encoder import EncoderBlock
from smallcraft.bundle.inputs import Inputs
from smallcraft.bundle.layout import BundleFiles
from smallcraft.bundle.runtime_choice import choose_runtime
from smallcraft.canonical import digest_value
from smallcraft.engine.engines import Engine

# Few enough that all processors of a cluster have some, and enough to be worth the way there.
_TEXTS_A_PIECE = 64
_MOST_THREADS = 4
_TEXTS_A_THREAD = 64


@dataclass(frozen=True)
class Ran:
    """What an encoder made of some texts.

    Attributes:
        values: `(n, width)` float32.
        away_cpu_s: CPU-seconds that it took outside of this process.
    """

    values: NDArray[np.float32]
    away_cpu_s: float


@dataclass(frozen=True)
class PackedEncoder:
    """An encoder as it travels.

    Attributes:
        digest: Of all the rest; an encoder is opened once for each.
        spec: As of the block.
        files: Relative path to bytes.
        runtime: The name of what runs its graph.
    """

    digest: str
    spec: Mapping[str, Any]
    files: Mapping[str, bytes]
    runtime: str

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PackedEncoder) and self.digest == other.digest


def run_texts(block: EncoderBlock, inputs: Inputs, engine: Engine | None = None) -> Ran:
    """The encoder's rows of texts, in order.

    Args:
        block: The encoder.
        inputs: `n` rows with texts.
        engine: Where they are run when there are many and it is elsewhere; None for here.

    Raises:
        SmallcraftError: Workers kept dying, or the cluster cannot be used.
    """
    if engine is None or engine.is_local or inputs.n <= _TEXTS_A_PIECE:
        return Ran(_run_here(block, inputs), 0.0)
    done = list(engine.map_with(pack(block), _run_piece, _cut(inputs, -(-inputs.n // _TEXTS_A_PIECE))))
    return Ran(np.concatenate([piece.value for piece in done]), sum(piece.away_cpu_s for piece in done))


def pack(block: EncoderBlock) -> PackedEncoder:
    """An encoder with the bytes of its files, checked against their digests."""
    paths = (block.spec["model"], *block.spec["weights"], block.spec["tokenizer"])
    runtime = (block.files.runtime or choose_runtime()).name
    digests = {path: block.files.digests[path] for path in paths}
    files = {path: block.files.read_again(path) for path in paths}
    return PackedEncoder(digest_value((dict(block.spec), digests, runtime)), block.spec, files, runtime)


@lru_cache(maxsize=1)
def unpack(packed: PackedEncoder) -> EncoderBlock:
    """The encoder again; the newest one stays open."""
    files = BundleFiles.held(packed.files, runtime=choose_runtime(packed.runtime))
    return EncoderBlock.load(packed.spec, files)


def _run_piece(packed: PackedEncoder, inputs: Inputs) -> NDArray[np.float32]:
    return unpack(packed).encode(inputs).values


def _run_here(block: EncoderBlock, inputs: Inputs) -> NDArray[np.float32]:
    """By as many threads as there are processors."""
    threads = max(1, min(_MOST_THREADS, os.cpu_count() or 1, inputs.n // _TEXTS_A_THREAD))
    with ThreadPoolExecutor(threads) as pool:
        return np.concatenate([made.values for made in pool.map(block.encode, _cut(inputs, threads))])


def _cut(inputs: Inputs, parts: int) -> list[Inputs]:
    return [inputs.take(rows) for rows in np.array_split(np.arange(inputs.n), parts)]
