"""Feature columns as a linear head reads them: numbers by quantile bin, categories by value, one-hot each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
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
        numeric = len(self.edges)
        slots = np.empty((inputs.n, numeric + len(self.categories)), dtype=np.int64)
        for index, edges in enumerate(self.edges):
            slots[:, index] = edges.searchsorted(inputs.numbers[:, index], side="left")
        slots[:, :numeric] += self._starts + 1
        np.copyto(slots[:, :numeric], self._starts, where=np.isnan(inputs.numbers[:, :numeric]))
        for index, (place, column) in enumerate(zip(self._places, inputs.categories, strict=True), numeric):
            slots[:, index] = [place.get(value, -1) for value in column]
        return self._gather(slots)

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        """`(p,)` the slot of a missing number of each numeric column; its bins follow."""
        widths = [len(edges) + 2 for edges in self.edges]
        return np.cumsum([0, *widths], dtype=np.int64)[:-1]

    @cached_property
    def _places(self) -> tuple[Mapping[str | None, int], ...]:
        """For each category column the slot of each value, of a missing one too."""
        places: list[Mapping[str | None, int]] = []
        start = sum(len(edges) + 2 for edges in self.edges)
        for listed in self.categories:
            place: dict[str | None, int] = {value: start + 1 + index for index, value in enumerate(listed)}
            place[None] = start
            places.append(place)
            start += len(listed) + 1
        return tuple(places)

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
