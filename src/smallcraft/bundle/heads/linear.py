"""One linear model over blocks side by side; sparse blocks carry INT8 weights with a scale a class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.encoded import Encoded, Sparse
from smallcraft.bundle.layout import BundleFiles, BundleWriter

_LARGEST_INT8 = 127


@dataclass(frozen=True)
class BlockWeights:
    """The head's weights for one block: `values * scale`.

    Attributes:
        values: `(width, k)` int8 or float32.
        scale: `(k,)` float32.
    """

    values: NDArray[np.int8] | NDArray[np.float32]
    scale: NDArray[np.float32]


def quantize_weights(weights: NDArray[np.float64]) -> BlockWeights:
    """Round `(width, k)` weights to INT8, each class on its own scale."""
    largest = np.abs(weights).max(axis=0, initial=0.0)
    scale = np.where(largest > 0, largest / _LARGEST_INT8, 1.0)
    return BlockWeights(np.rint(weights / scale).astype(np.int8), scale.astype(np.float32))


def exact_weights(weights: NDArray[np.float64]) -> BlockWeights:
    """Keep `(width, k)` weights in float32."""
    return BlockWeights(weights.astype(np.float32), np.ones(weights.shape[1], dtype=np.float32))


@dataclass(frozen=True)
class LinearHead:
    """`bias + sum of block @ weights`.

    Attributes:
        bias: `(k,)` float32.
        parts: Weights of each block, in the stage's order.
    """

    name: ClassVar[str] = "linear"
    bias: NDArray[np.float32]
    parts: tuple[BlockWeights, ...]

    def logits(self, encoded: Sequence[Encoded], n: int) -> NDArray[np.float64]:
        """`(n, k)`; row by row, since a matrix product may round a row by its neighbours."""
        result = np.tile(self.bias, (n, 1))
        for block, part in zip(encoded, self.parts, strict=True):
            if isinstance(block, Sparse):
                _add_sparse(result, block, part)
            else:
                for row in range(n):
                    result[row] += (block.values[row] @ part.values) * part.scale
        return result.astype(np.float64)

    def save(self, writer: BundleWriter, stage: str) -> Mapping[str, Any]:
        """All arrays in one `.npz`."""
        arrays: dict[str, NDArray[Any]] = {"bias": self.bias}
        for index, part in enumerate(self.parts):
            arrays[f"values{index}"], arrays[f"scale{index}"] = part.values, part.scale
        return {
            "kind": self.name,
            "file": writer.add_arrays(f"heads/{stage}.npz", arrays),
            "blocks": len(self.parts),
        }

    @classmethod
    def load(cls, spec: Mapping[str, Any], files: BundleFiles) -> LinearHead:
        """Restore what `save` wrote."""
        arrays = files.arrays(spec["file"])
        parts = (
            BlockWeights(arrays[f"values{index}"], arrays[f"scale{index}"]) for index in range(spec["blocks"])
        )
        return cls(arrays["bias"], tuple(parts))


def _add_sparse(result: NDArray[np.float32], block: Sparse, part: BlockWeights) -> None:
    for row in range(len(result)):
        span = slice(block.offsets[row], block.offsets[row + 1])
        weights = part.values[block.columns[span]].astype(np.float32)
        result[row] += (block.values[span] @ weights) * part.scale
