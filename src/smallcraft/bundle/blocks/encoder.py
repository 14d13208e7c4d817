"""A sentence encoder run by a runtime, mean-pooled, rows of fixed length.

Always: `encode` runs one text at a time. Dynamic INT8 picks its ranges from the whole batch, so a batch would
make a text's answer depend on its neighbours. (`serve.equal_lengths` runs several where no bit changes.)
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
from smallcraft.bundle.runtimes.runtime import Session


@dataclass(frozen=True)
class EncoderBlock:
    """Runs the graph of `models.graph` on each text.

    Attributes:
        tokenizer: Reads the text.
        session: The graph with the inputs `input_ids` and `mask` and the output `embedding`.
        spec: What `load` was given: file names, special tokens, width, gain.
        files: Where the graph came from, for `save`.
    """

    name: ClassVar[str] = "encoder"
    tokenizer: FastTokenizer
    session: Session
    spec: Mapping[str, Any]
    files: BundleFiles

    @property
    def width(self) -> int:
        """Width of the embedding."""
        return int(self.spec["width"])

    def encode(self, inputs: Inputs) -> Dense:
        """`(n, width)`, rows of length `gain`."""
        rows = [self.run(ids)[0] for ids in self.ids(inputs)]
        return Dense(np.stack(rows) if rows else np.empty((0, self.width), np.float32))

    def ids(self, inputs: Inputs) -> list[NDArray[np.int32]]:
        """What the graph reads of each text: `(1, t)`, cut to what it can, between the special tokens."""
        return [self._ids(tokens) for tokens in inputs.tokens(self.tokenizer)]

    def run(self, ids: NDArray[np.int32]) -> list[NDArray[np.float32]]:
        """Each text's row, `(width,)` of length `gain`.

        Args:
            ids: `(m, t)`, texts of one length. Only `m` of 1 gives a text the row that it always has.
        """
        found = self.session.run(None, {"input_ids": ids, "mask": np.ones_like(ids)})[0]
        return [self._scaled(embedding) for embedding in found]

    def _ids(self, tokens: NDArray[np.int32]) -> NDArray[np.int32]:
        kept = tokens[: self.spec["longest"] - 2]
        ids = np.empty((1, len(kept) + 2), dtype=np.int32)
        ids[0, 0], ids[0, 1:-1], ids[0, -1] = self.spec["first"], kept, self.spec["last"]
        return ids

    def _scaled(self, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        length = np.sqrt(embedding @ embedding)
        scaled: NDArray[np.float32] = embedding * np.float32(self.spec["gain"] / max(length, 1e-12))
        return scaled

    def save(self, writer: BundleWriter, stage: str) -> Mapping[str, Any]:  # noqa: ARG002 - names are the files'
        """The graph and its weights as they are; two encoders of one bundle share what is equal in bytes."""
        for path in (self.spec["model"], *self.spec["weights"]):
            written = writer.add(path, self.files.read(path))
            assert written == path, (
                "the graph calls its weights by name: whoever makes encoders names them apart"
            )
        return {**self.spec, "tokenizer": writer.add("tokenizer.json", self.tokenizer.source)}

    @classmethod
    def load(cls, spec: Mapping[str, Any], files: BundleFiles) -> EncoderBlock:
        """Restore what `save` wrote."""
        session = files.open_graph(spec["model"], spec["weights"])
        return cls(files.tokenizer(spec["tokenizer"]), session, spec, files)
