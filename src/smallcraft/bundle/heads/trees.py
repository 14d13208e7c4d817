"""Boosted trees as an ONNX tree ensemble over one dense block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.encoded import Dense, Encoded
from smallcraft.bundle.layout import BundleFiles, BundleWriter
from smallcraft.bundle.runtime_choice import choose_runtime
from smallcraft.bundle.runtimes.runtime import Session


@dataclass(frozen=True)
class TreesHead:
    """Runs the graph of `models.parts.trees`.

    Attributes:
        model: The graph's bytes.
        session: The graph: input `columns` `(n, width) float32`, output `scores` `(n, k)`.
    """

    name: ClassVar[str] = "trees"
    model: bytes
    session: Session

    @classmethod
    def of(cls, model: bytes) -> TreesHead:
        """Open a graph."""
        return cls(model, choose_runtime().open(model, {}))

    def logits(self, encoded: Sequence[Encoded], n: int) -> NDArray[np.float64]:  # noqa: ARG002 - the block knows n
        """`(n, k)`."""
        (block,) = encoded
        assert isinstance(block, Dense)
        scores: NDArray[np.float32] = self.session.run(None, {"columns": block.values})[0]
        return scores.astype(np.float64)

    def save(self, writer: BundleWriter, stage: str) -> Mapping[str, Any]:
        """The graph as it is."""
        return {"kind": self.name, "file": writer.add(f"heads/{stage}.onnx", self.model)}

    @classmethod
    def load(cls, spec: Mapping[str, Any], files: BundleFiles) -> TreesHead:
        """Restore what `save` wrote."""
        return cls(files.read(spec["file"]), files.open_graph(spec["file"]))
