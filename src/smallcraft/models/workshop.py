"""What every rung trains from: the rows, their labels and folds, the backbone, and a memory."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

import smallcraft
from smallcraft.bundle.blocks.block import Block
from smallcraft.bundle.blocks.encoder import EncoderBlock
from smallcraft.bundle.blocks.static import TABLE
from smallcraft.bundle.encoded import Dense, Encoded
from smallcraft.bundle.inputs import Inputs, InputSpec
from smallcraft.bundle.layout import BundleFiles, listed_digests, read_description
from smallcraft.canonical import digest_value
from smallcraft.engine.engines import Engine, shared_engine
from smallcraft.errors import MissingPartError
from smallcraft.models.backbone import Backbone
from smallcraft.models.decisions import ANSWER_ALWAYS, DecisionPlan
from smallcraft.models.encoders import EncoderSource, source_of, without_layers, write_encoder
from smallcraft.models.forms import Form
from smallcraft.models.memory import Arrays, Memory, Tracked
from smallcraft.models.text_memory import TextMemory
from smallcraft.records import Task

COPIES = "copies"
_ENCODE_ROWS = 1000
_SAMPLE_ROWS = 48

Made = TypeVar("Made")
Progress = Callable[[str, float], None]


def no_progress(step: str, share: float) -> None:
    """Reports nothing."""


@dataclass(frozen=True)
class Workshop:
    """Training rows and tools.

    Attributes:
        classes: The `k` labels in order; of a regression the target's name, alone.
        spec: The columns a model may read.
        parts: The rows, in named parts whose encodings are remembered apart: `train`; `dev` for a refit.
        labels: Over all parts, by the task: `(n,)` int64 codes; `(n, k)` int64 of 0 and 1; `(n,)` float64.
        folds: `(n,)` int64; rows of one fold are held out together.
        seed: Seeds everything random.
        tolerance: Accuracy that a cascade may give up for being cheaper.
        confidence: One-sided, of not giving up more.
        memory: Keeps expensive arrays.
        scratch: Folder for files that several rungs use.
        backbone: The encoder; None when there is none, and `no_backbone` says what would bring one.
        progress: Told what is running and the share of it that is done.
        teacher: `(n, k)` float64 probabilities that a large model gave, NaN where it was not asked; None
            without one.
        most_folds: For how many folds a raced rung trains at most when asked for its logits; None for its own
            number.
        budget_cpu_s: What training one candidate may take; None for no limit.
        form: How stages are written; what is trained does not depend on it.
        task: What the labels are.
        decision: What the user asks of answers: an error budget, a coverage, or nothing.
        engine: Where folds are trained.
        text_memory: Knows what encoders made of texts before, whichever rows they stood among; None for
            no such memory.
    """

    classes: tuple[str, ...]
    spec: InputSpec
    parts: tuple[tuple[str, Inputs], ...]
    labels: NDArray[Any]
    folds: NDArray[np.int64]
    seed: int
    memory: Memory
    scratch: Path
    backbone: Backbone | None = None
    no_backbone: str = ""
    tolerance: float = 0.0025
    confidence: float = 0.95
    progress: Progress = no_progress
    teacher: NDArray[np.float64] | None = None
    most_folds: int | None = None
    budget_cpu_s: float | None = None
    form: Form = "int8"
    task: Task = "multiclass"
    decision: DecisionPlan = ANSWER_ALWAYS
    text_memory: TextMemory | None = None
    engine: Engine = field(default_factory=shared_engine, compare=False)
    _made: dict[str, Tracked[Any]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The parts' names, to tell a refit's arrays from those of the first fit."""
        return "+".join(name for name, _ in self.parts)

    @property
    def texts(self) -> list[str]:
        """All texts, in order."""
        return [text for _, inputs in self.parts for text in inputs.texts or []]

    @property
    def originals(self) -> list[Inputs]:
        """The parts that are no perturbed copies (`models.augment`): what vocabularies are counted from."""
        return [inputs for name, inputs in self.parts if not name.startswith(COPIES)]

    def encode(self, block: Block) -> list[Encoded]:
        """The block's matrix for each part."""
        return [block.encode(inputs) for _, inputs in self.parts]

    def encode_slowly(self, block: Block, name: str) -> list[Encoded]:
        """Like `encode`, for a dense block worth remembering; resumes within the pass."""
        return [self._encode_part(block, name, part, inputs) for part, inputs in self.parts]

    def _encode_part(self, block: Block, name: str, part: str, inputs: Inputs) -> Dense:
        chunks = {f"{name}/{part}-{start:08d}": start for start in range(0, inputs.n, _ENCODE_ROWS)}
        if not self.engine.is_local and isinstance(block, EncoderBlock):
            self._encode_ahead(
                block, part, inputs, [chunks[one] for one in chunks if not self.memory.has(one)]
            )
        found = []
        for chunk, start in chunks.items():
            self.progress(f"encoding {part}", start / max(inputs.n, 1))
            rows = inputs.take(_chunk_rows(inputs, start))
            found.append(self.memory.recall(chunk, partial(self._encode_rows, block, rows, chunk)))
        values = [np.asarray(arrays["values"], dtype=np.float32) for arrays in found]
        return Dense(np.concatenate(values) if values else np.empty((0, block.width), np.float32))

    def _encode_ahead(self, block: EncoderBlock, part: str, inputs: Inputs, starts: Sequence[int]) -> None:
        """Run the texts of several chunks at once, where there are more processors than a chunk keeps busy.

        Each chunk is charged for its own texts when it asks for them.
        """
        if self.text_memory is not None and starts:
            self.progress(f"encoding {part}", 0.0)
            rows = np.concatenate([_chunk_rows(inputs, start) for start in starts])
            self.text_memory.encode(block, inputs.take(rows))

    def _encode_rows(self, block: Block, rows: Inputs, name: str) -> Arrays:
        if self.text_memory is not None and isinstance(block, EncoderBlock):
            found = self.text_memory.encode(block, rows)
            if found.other_cpu_s:
                # What it took then, or elsewhere, is charged now, as for everything that is remembered.
                self.memory.charges.append({f"{name}-texts": found.other_cpu_s})
            return {"values": found.values}
        encoded = block.encode(rows)
        assert isinstance(encoded, Dense)
        return {"values": encoded.values}

    def estimate_encoding(self, block: Block) -> float:
        """CPU-seconds that a block will take for every row, by a few rows spread over them."""
        seconds = 0.0
        for _, inputs in self.parts:
            rows = np.unique(np.linspace(0, inputs.n - 1, min(inputs.n, _SAMPLE_ROWS)).astype(np.intp))
            start = time.process_time()
            block.encode(inputs.take(rows))
            seconds += (time.process_time() - start) * inputs.n / max(len(rows), 1)
        return seconds

    def in_form(self, form: Form) -> Workshop:
        """The same workshop, whose stages are written in another form; what was made stays shared."""
        return self if form == self.form else replace(self, form=form)

    def encoder_files(self) -> BundleFiles:
        """The backbone's encoder in the workshop's form, written to the scratch folder at the first request.

        Raises:
            MissingPartError: There is no backbone.
        """
        backbone = self._found_backbone()
        return self._written(backbone.digest, "", lambda: (source_of(backbone), TABLE))

    def embedding_files(self) -> BundleFiles:
        """The backbone's embeddings without its layers: a tokenizer and the token table of `encoder_files`.

        Raises:
            MissingPartError: There is no backbone.
        """
        backbone = self._found_backbone()
        digest = digest_value((backbone.digest, "no layers"))
        return self._written(digest, "", lambda: (without_layers(source_of(backbone)), TABLE))

    def backbone_source(self) -> EncoderSource:
        """The backbone's encoder as arrays, read once.

        Raises:
            MissingPartError: There is no backbone.
        """
        return self.in_form("int8").once("backbone source", partial(source_of, self._found_backbone()))

    def files_of(self, source: EncoderSource, *, name: str) -> BundleFiles:
        """An encoder made from the backbone, in the workshop's form, written once.

        Args:
            source: The encoder.
            name: Begins its files' names, so that another encoder fits into the same bundle.
        """
        return self._written(source.digest, f"{name}-", lambda: (source, self._table_of(source, name)))

    def _table_of(self, source: EncoderSource, name: str) -> str:
        shared = np.array_equal(source.token_table, self.backbone_source().token_table)
        return TABLE if shared else f"{name}-{TABLE}"

    def _found_backbone(self) -> Backbone:
        if self.backbone is None:
            raise MissingPartError(self.no_backbone)
        return self.backbone

    def _written(self, digest: str, stem: str, make: Callable[[], tuple[EncoderSource, str]]) -> BundleFiles:
        made_with: tuple[str, ...] = (smallcraft.__version__, onnx.__version__, onnxruntime.__version__)
        made_with += tuple(part for part in (stem, self.form) if part not in ("", "int8"))
        target = self.scratch / f"encoder-{digest_value((digest, made_with))[7:23]}"

        def write() -> Arrays:
            if not target.exists():
                _write_whole(target, *make(), form=self.form, stem=stem)
            return {}

        self.memory.recall(f"{target.name}-written", write)
        write()
        description, _ = read_description(target)
        return BundleFiles(target, listed_digests(description))

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """A stage or recipe, made once however many candidates use it; equal names must mean equal things."""
        name = name if self.form == "int8" else f"{name}:{self.form}"
        if name not in self._made:
            self._made[name] = self.memory.track(f"once/{name}/{self.name}", make)
        tracked = self._made[name]
        self.memory.charges.append(tracked.cpu_s)
        made: Made = tracked.value
        return made


def _chunk_rows(inputs: Inputs, start: int) -> NDArray[np.intp]:
    return np.arange(start, min(start + _ENCODE_ROWS, inputs.n))


def _write_whole(target: Path, source: EncoderSource, table: str, *, form: Form, stem: str) -> None:
    """Write the encoder's directory whole, or not at all."""
    partial_copy = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    shutil.rmtree(partial_copy, ignore_errors=True)
    write_encoder(source, partial_copy, form=form, stem=stem, table=table)
    partial_copy.rename(target)


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
