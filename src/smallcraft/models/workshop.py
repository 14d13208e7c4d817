"""What every rung trains from: the rows, their labels and folds, the backbone, and a memory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

import smallcraft
from smallcraft.bundle.blocks.block import Block
from smallcraft.bundle.encoded import Dense, Encoded
from smallcraft.bundle.inputs import Inputs, InputSpec
from smallcraft.bundle.layout import BundleFiles, listed_digests, read_description
from smallcraft.canonical import digest_value
from smallcraft.errors import MissingPartError
from smallcraft.models.backbone import Backbone
from smallcraft.models.memory import Arrays, Memory, Tracked
from smallcraft.models.quantize import write_encoder

_ENCODE_ROWS = 1000

Made = TypeVar("Made")
Progress = Callable[[str, float], None]


def no_progress(step: str, share: float) -> None:
    """Reports nothing."""


@dataclass(frozen=True)
class Workshop:
    """Training rows and tools.

    Attributes:
        classes: The `k` labels in order.
        spec: The columns a model may read.
        parts: The rows, in named parts whose encodings are remembered apart: `train`; `dev` for a refit.
        labels: `(n,)` int64 codes over all parts.
        folds: `(n,)` int64; rows of one fold are held out together.
        seed: Seeds everything random.
        tolerance: Accuracy that a cascade may give up for being cheaper.
        confidence: One-sided, of not giving up more.
        memory: Keeps expensive arrays.
        scratch: Folder for files that several rungs use.
        backbone: The encoder; None when there is none, and `no_backbone` says what would bring one.
        progress: Told what is running and the share of it that is done.
    """

    classes: tuple[str, ...]
    spec: InputSpec
    parts: tuple[tuple[str, Inputs], ...]
    labels: NDArray[np.int64]
    folds: NDArray[np.int64]
    seed: int
    memory: Memory
    scratch: Path
    backbone: Backbone | None = None
    no_backbone: str = ""
    tolerance: float = 0.0025
    confidence: float = 0.95
    progress: Progress = no_progress
    _made: dict[str, Tracked[Any]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The parts' names, to tell a refit's arrays from those of the first fit."""
        return "+".join(name for name, _ in self.parts)

    @property
    def texts(self) -> list[str]:
        """All texts, in order."""
        return [text for _, inputs in self.parts for text in inputs.texts or []]

    def encode(self, block: Block) -> list[Encoded]:
        """The block's matrix for each part."""
        return [block.encode(inputs) for _, inputs in self.parts]

    def encode_slowly(self, block: Block, name: str) -> list[Encoded]:
        """Like `encode`, for a dense block worth remembering; resumes within the pass."""
        return [self._encode_part(block, name, part, inputs) for part, inputs in self.parts]

    def _encode_part(self, block: Block, name: str, part: str, inputs: Inputs) -> Dense:
        chunks = []
        for start in range(0, inputs.n, _ENCODE_ROWS):
            self.progress(f"encoding {part}", start / max(inputs.n, 1))
            chunk = partial(_encode_rows, block, inputs, start, min(start + _ENCODE_ROWS, inputs.n))
            chunks.append(self.memory.recall(f"{name}/{part}-{start:08d}", chunk))
        values = [np.asarray(chunk["values"], dtype=np.float32) for chunk in chunks]
        return Dense(np.concatenate(values) if values else np.empty((0, block.width), np.float32))

    def encoder_files(self) -> BundleFiles:
        """The backbone's quantized encoder, written to the scratch folder at the first request.

        Raises:
            MissingPartError: There is no backbone.
        """
        if self.backbone is None:
            raise MissingPartError(self.no_backbone)
        backbone = self.backbone
        made_with = (smallcraft.__version__, onnx.__version__, onnxruntime.__version__)
        target = self.scratch / f"encoder-{digest_value((backbone.digest, made_with))[7:23]}"
        self.memory.recall(f"{target.name}-written", lambda: _write_encoder_once(backbone, target))
        _write_encoder_once(backbone, target)
        description, _ = read_description(target)
        return BundleFiles(target, listed_digests(description))

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """A stage or recipe, made once however many candidates use it; equal names must mean equal things."""
        if name not in self._made:
            self._made[name] = self.memory.track(f"once/{name}/{self.name}", make)
        tracked = self._made[name]
        self.memory.charges.append(tracked.cpu_s)
        made: Made = tracked.value
        return made


def _encode_rows(block: Block, inputs: Inputs, start: int, stop: int) -> Arrays:
    encoded = block.encode(inputs.take(np.arange(start, stop)))
    assert isinstance(encoded, Dense)
    return {"values": encoded.values}


def _write_encoder_once(backbone: Backbone, target: Path) -> Arrays:
    """Write the encoder's directory whole, or not at all."""
    if not target.exists():
        partial_copy = target.with_name(f"{target.name}.{os.getpid()}.tmp")
        shutil.rmtree(partial_copy, ignore_errors=True)
        write_encoder(backbone, partial_copy)
        partial_copy.rename(target)
    return {}


def assign_folds(
    labels: NDArray[np.int64], groups: NDArray[np.int64], *, n_folds: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Deal rows into folds, label by label, whole groups together.

    Args:
        labels: `(n,)` int64 codes.
        groups: `(n,)` int64; rows of one group get one fold.
        n_folds: At least 2.
        rng: Shuffles the groups.

    Returns:
        `(n,)` int64 in `[0, n_folds)`.
    """
    unique, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    order = rng.permutation(len(unique))
    order = order[np.argsort(labels[first[order]], kind="stable")]
    dealt = np.empty(len(unique), dtype=np.int64)
    dealt[order] = np.arange(len(unique)) % n_folds
    folds: NDArray[np.int64] = dealt[inverse]
    return folds
