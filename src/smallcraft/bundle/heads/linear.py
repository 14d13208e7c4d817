"""One linear model over blocks side by side; sparse blocks carry INT8 weights with a scale a class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
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

    @cached_property
    def is_scaled(self) -> bool:
        """False where each scale is 1, so that multiplying by it changes nothing."""
        return bool((self.scale != 1).any())


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
        result = np.empty((n, len(self.bias)))
        pairs = list(zip(encoded, self.parts, strict=True))
        for row in range(n):
            total = self.bias
            for block, part in pairs:
                product = _product(block, part, row)
                if part.is_scaled:
                    product *= part.scale
                total = total + product
            result[row] = total
        return result

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


def _product(block: Encoded, part: BlockWeights, row: int) -> NDArray[np.float32]:
    """`(k,)`, a row times the weights, without their scale."""
    if not isinstance(block, Sparse):
        dense: NDArray[np.float32] = block.values[row] @ part.values
        return dense
    span = slice(block.offsets[row], block.offsets[row + 1])
    sparse: NDArray[np.float32] = block.values[span] @ part.values[block.columns[span]].astype(np.float32)
    return sparse
