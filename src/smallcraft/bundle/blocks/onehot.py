"""Feature columns as a linear head reads them: numbers by quantile bin, categories by value, one-hot each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.encoded import Sparse
from smallcraft.bundle.inputs import Inputs
from smallcraft.bundle.layout import BundleFiles, BundleWriter


@dataclass(frozen=True)
class OnehotBlock:
    """One slot a column is set in every row: a bin or a value; missing has its own, an unlisted value none.

    Attributes:
        edges: For each numeric column its inner bin edges, ascending float64.
        categories: The listed values of each category column.
        gain: Value of a set slot.
    """

    name: ClassVar[str] = "onehot"
    edges: tuple[NDArray[np.float64], ...]
    categories: tuple[tuple[str, ...], ...]
    gain: float

    @property
    def width(self) -> int:
        """Bins and values, and one for missing a column."""
        return sum(len(edges) + 2 for edges in self.edges) + sum(
            len(values) + 1 for values in self.categories
        )

    def encode(self, inputs: Inputs) -> Sparse:
        """`(n, width)` with at most one entry a column."""
        slots, start = [], 0
        for index, edges in enumerate(self.edges):
            number = inputs.numbers[:, index]
            slot = np.searchsorted(edges, number, side="left") + 1
            slot[np.isnan(number)] = 0
            slots.append(slot + start)
            start += len(edges) + 2
        for listed, column in zip(self.categories, inputs.categories, strict=True):
            place: dict[str | None, int] = {value: start + 1 + index for index, value in enumerate(listed)}
            place[None] = start
            slots.append(np.array([place.get(value, -1) for value in column], dtype=np.int64))
            start += len(listed) + 1
        return self._gather(np.stack(slots, axis=1) if slots else np.empty((inputs.n, 0), np.int64))

    def _gather(self, slots: NDArray[np.int64]) -> Sparse:
        known = slots >= 0
        offsets = np.zeros(len(slots) + 1, dtype=np.int64)
        np.cumsum(known.sum(axis=1), out=offsets[1:])
        columns = slots[known]
        return Sparse(offsets, columns, np.full(len(columns), self.gain, dtype=np.float32), self.width)

    def save(self, writer: BundleWriter, stage: str) -> Mapping[str, Any]:
        """Edges as `.npz`; the categories stand in the description."""
        arrays = {f"edges{index:04d}": edges for index, edges in enumerate(self.edges)}
        return {
            "kind": self.name,
            "edges": writer.add_arrays(f"{stage}-edges.npz", arrays),
            "categories": [list(values) for values in self.categories],
            "gain": self.gain,
        }

    @classmethod
    def load(cls, spec: Mapping[str, Any], files: BundleFiles) -> OnehotBlock:
        """Restore what `save` wrote."""
        arrays = files.arrays(spec["edges"])
        edges = tuple(arrays[f"edges{index:04d}"] for index in range(len(arrays)))
        return cls(edges, tuple(tuple(values) for values in spec["categories"]), float(spec["gain"]))
