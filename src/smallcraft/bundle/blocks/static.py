"""The mean of an encoder's own token embeddings: meaning without running the encoder.

Shares `embeddings.bin` with the encoder block, so a cascade carries the table once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.encoded import Dense
from smallcraft.bundle.inputs import FastTokenizer, Inputs
from smallcraft.bundle.layout import BundleFiles, BundleWriter

TABLE = "embeddings.bin"


@dataclass(frozen=True)
class StaticBlock:
    """Averages the rows of a table, less the table's own mean, scaled to length `gain`.

    Attributes:
        tokenizer: Reads the text.
        table: `(tokens, width)`: uint8, whose scale and zero point do not matter here, or exact float32.
        center: `(width,)` float32, the mean row.
        gain: Length of every row, so that blocks side by side are weighed against each other.
        path: The table's file, which an encoder of the same table has in common with the block.
    """

    name: ClassVar[str] = "static"
    tokenizer: FastTokenizer
    table: NDArray[np.uint8] | NDArray[np.float32]
    center: NDArray[np.float32]
    gain: float
    path: str = TABLE

    @property
    def width(self) -> int:
        """Width of the embedding."""
        return int(self.table.shape[1])

    def encode(self, inputs: Inputs) -> Dense:
        """`(n, width)`; a text without tokens is a row of zeros."""
        rows = [self._row(tokens) for tokens in inputs.tokens(self.tokenizer)]
        return Dense(np.stack(rows) if rows else np.empty((0, self.width), np.float32))

    @property
    def _total(self) -> type[np.int64] | type[np.float64]:
        return np.int64 if self.table.dtype == np.uint8 else np.float64

    def _row(self, tokens: NDArray[np.int32]) -> NDArray[np.float32]:
        if not len(tokens):
            return np.zeros(self.width, dtype=np.float32)
        total = np.add.reduce(self.table[tokens], axis=0, dtype=self._total)
        row: NDArray[np.float32] = (total / len(tokens)).astype(np.float32) - self.center
        length = float(np.sqrt(row @ row))
        return row * np.float32(self.gain / length) if length > 0 else row

    def save(self, writer: BundleWriter, stage: str) -> Mapping[str, Any]:
        """The table as raw bytes, beside the tokenizer."""
        described = {
            "kind": self.name,
            "tokenizer": writer.add("tokenizer.json", self.tokenizer.source),
            "table": writer.add(self.path, self.table.tobytes()),
            "shape": list(self.table.shape),
            "center": writer.add_arrays(f"{stage}-center.npz", {"center": self.center}),
            "gain": self.gain,
        }
        return described if self.table.dtype == np.uint8 else {**described, "form": "fp32"}

    @classmethod
    def load(cls, spec: Mapping[str, Any], files: BundleFiles) -> StaticBlock:
        """Restore what `save` wrote; the table stays the bytes that were checked, not a copy."""
        dtype = np.float32 if spec.get("form") == "fp32" else np.uint8
        table = np.frombuffer(files.read(spec["table"]), dtype=dtype).reshape(spec["shape"])
        center = files.arrays(spec["center"])["center"]
        return cls(files.tokenizer(spec["tokenizer"]), table, center, float(spec["gain"]), spec["table"])
