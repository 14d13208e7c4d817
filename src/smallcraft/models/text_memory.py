"""Remembers what an encoder made of a text, so that an unchanged text is run once, whatever asks for it.

A row is found by the text and by everything that its bits depend on: the encoder's files, its settings, the
runtime and the machine. Rows lie in shards, files that are named by the digest of what is in them.
Always: a shard appears whole or not at all, so that several processes may write; one that is absent, damaged
or of another width is no more than a text to run again; the oldest shards go when the folder is full; what
running a text once took is kept beside its row, to be charged again.
Not covered: whatever is timed. A cost is measured on the encoder itself.
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.blocks.block import Block
from smallcraft.bundle.blocks.encoder import EncoderBlock
from smallcraft.bundle.encoded import Dense
from smallcraft.bundle.inputs import Inputs
from smallcraft.bundle.layout import BundleWriter
from smallcraft.bundle.runtime import Bundle
from smallcraft.canonical import digest_value
from smallcraft.engine.engines import Engine
from smallcraft.models.text_runs import run_texts

# Half a gigabyte: about 300,000 texts of 384 numbers.
MOST_BYTES = 500_000_000
_KEY = np.dtype("S16")
# Fewer texts than this are not worth a file.
_LEAST_TEXTS = 8
# So many are run before they are kept: what a killed run loses at most.
_TEXTS_A_SHARD = 4096


@dataclass(frozen=True)
class Remembered:
    """Rows of texts, and what it took to make them.

    Attributes:
        values: `(n, width)` float32.
        other_cpu_s: CPU-seconds that this process did not spend now, but at an earlier time or elsewhere.
    """

    values: NDArray[np.float32]
    other_cpu_s: float


@dataclass
class TextMemory:
    """One folder of shards.

    Attributes:
        folder: Made at the first shard.
        machine: What the machine is: INT8 arithmetic depends on it.
        most_bytes: Of all shards together.
        engine: Where many new texts are run; None for here.
    """

    folder: Path
    machine: str = ""
    most_bytes: int = MOST_BYTES
    engine: Engine | None = field(default=None, compare=False)
    _read: dict[str, dict[bytes, tuple[NDArray[np.float32], float]]] = field(default_factory=dict, repr=False)

    def encode(self, block: EncoderBlock, inputs: Inputs) -> Remembered:
        """The block's rows; only texts that nobody has asked about are run.

        Args:
            block: The encoder.
            inputs: Rows with texts.
        """
        texts = inputs.texts or []
        if not texts:
            return Remembered(block.encode(inputs).values, 0.0)
        way = self._way(block)
        known = self._known(way, block.width)
        keys = [_key(text) for text in texts]
        rows = {key: known[key][0] for key in dict.fromkeys(keys) if key in known}
        other = sum(known[key][1] for key in rows)
        new = list({key: row for row, key in enumerate(keys) if key not in rows}.items())
        for begin in range(0, len(new), _TEXTS_A_SHARD):
            some = dict(new[begin : begin + _TEXTS_A_SHARD])
            start = time.process_time()
            ran = run_texts(block, inputs.take(np.array(list(some.values()), dtype=np.intp)), self.engine)
            each = (time.process_time() - start + ran.away_cpu_s) / len(some)
            other += ran.away_cpu_s
            made = dict(zip(some, ran.values, strict=True))
            rows.update(made)
            if len(known) * ran.values.itemsize * block.width < self.most_bytes:
                known.update({key: (row, each) for key, row in made.items()})
                self._keep(way, list(made), ran.values, each)
        return Remembered(np.stack([rows[key] for key in keys]).astype(np.float32), other)

    def bind(self, bundle: Bundle) -> Bundle:
        """The bundle, whose encoders look a text up here before they run it."""
        stages = tuple(
            replace(stage, blocks=tuple(self._remembering(block) for block in stage.blocks))
            for stage in bundle.stages
        )
        return replace(bundle, stages=stages)

    def _remembering(self, block: Block) -> Block:
        return RememberedBlock(block, self) if isinstance(block, EncoderBlock) else block

    def _way(self, block: EncoderBlock) -> str:
        """Names everything but the text that a row depends on."""
        spec = dict(block.spec)
        files = [spec.pop("model"), *spec.pop("weights"), spec.pop("tokenizer")]
        digests = sorted(block.files.digests[path] for path in files)
        runtime = getattr(block.files.runtime, "name", "default")
        circumstances = (digests, spec, runtime, _runtime_version(), platform.machine(), self.machine)
        return digest_value(circumstances)[7:31]

    def _known(self, way: str, width: int) -> dict[bytes, tuple[NDArray[np.float32], float]]:
        if way not in self._read:
            found: dict[bytes, tuple[NDArray[np.float32], float]] = {}
            for arrays in _shards(self.folder / way):
                keys, rows, costs = arrays["keys"], arrays["rows"], arrays["cpu_s"]
                if rows.shape == (len(keys), width) and costs.shape == (len(keys),):
                    found.update(zip(_bytes(keys), zip(rows, costs.tolist(), strict=True), strict=True))
            self._read[way] = found
        return self._read[way]

    def _keep(self, way: str, keys: list[bytes], rows: NDArray[np.float32], each: float) -> None:
        if len(keys) < _LEAST_TEXTS:
            return
        buffer = io.BytesIO()
        costs = np.full(len(keys), each)
        np.savez(buffer, keys=np.frombuffer(b"".join(keys), _KEY), rows=rows, cpu_s=costs)
        try:
            _write_shard(self.folder / way, buffer.getvalue())
            self._make_room()
        except OSError:
            return  # A full or read-only disk costs time, not the build.

    def _make_room(self) -> None:
        """Delete the shards that were written first, until the others fit."""
        shards = []
        for path in self.folder.glob("*/*.npz"):
            try:
                found = path.stat()
            except OSError:
                continue
            shards.append((found.st_mtime_ns, path, found.st_size))
        total = sum(size for *_, size in shards)
        for _, path, size in sorted(shards):
            if total <= self.most_bytes:
                return
            path.unlink(missing_ok=True)
            total -= size


@dataclass(frozen=True)
class RememberedBlock:
    """An encoder block in a bundle that answers from memory where it can; gives the very same rows."""

    block: EncoderBlock
    memory: TextMemory

    @property
    def name(self) -> str:
        """Its kind."""
        return self.block.name

    @property
    def width(self) -> int:
        """Width of the embedding."""
        return self.block.width

    def encode(self, inputs: Inputs) -> Dense:
        """`(n, width)`."""
        return Dense(self.memory.encode(self.block, inputs).values)

    def save(self, writer: BundleWriter, stage: str) -> Mapping[str, Any]:
        """As the block it stands for."""
        return self.block.save(writer, stage)


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_KEY.itemsize).digest()


def _bytes(keys: NDArray[np.bytes_]) -> list[bytes]:
    """Keys as they were; numpy drops zero bytes at the end of a string."""
    whole = keys.tobytes()
    return [whole[at : at + _KEY.itemsize] for at in range(0, len(whole), _KEY.itemsize)]


def _runtime_version() -> str:
    import onnxruntime

    return str(onnxruntime.__version__)


def _shards(folder: Path) -> Iterator[Mapping[str, NDArray[Any]]]:
    """The arrays of every sound shard; a damaged one is deleted."""
    for path in sorted(folder.glob("*.npz")):
        arrays = _read_shard(path)
        if arrays is None:
            path.unlink(missing_ok=True)
        else:
            yield arrays


def _read_shard(path: Path) -> Mapping[str, NDArray[Any]] | None:
    try:
        data = path.read_bytes()
        if _digest(data) != path.stem:
            return None
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            return {name: archive[name] for name in ("keys", "rows", "cpu_s")}
    except (OSError, LookupError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def _write_shard(folder: Path, data: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{_digest(data)}.npz"
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(data)
    temporary.replace(path)
