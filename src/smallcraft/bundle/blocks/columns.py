"""Feature columns as trees read them: numbers as they are (missing stays missing), categories one-hot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from smallcraft.bundle.encoded import Dense
from smallcraft.bundle.inputs import Inputs
from smallcraft.bundle.layout import BundleFiles, BundleWriter

# As arrays: numbers would be made such again at every row.
_LARGEST = np.array(np.finfo(np.float32).max, dtype=np.float64)
_LEAST = -_LARGEST


@dataclass(frozen=True)
class ColumnsBlock:
    """Numbers first, then one 0/1 column a listed category; an unlisted one is all zeros.

    Attributes:
        numbers: Number of numeric columns.
        categories: The listed values of each category column.
    """

    name: ClassVar[str] = "columns"
    numbers: int
    categories: tuple[tuple[str, ...], ...]

    @property
    def width(self) -> int:
        """Numeric columns plus listed categories."""
        return self.numbers + sum(map(len, self.categories))

    def encode(self, inputs: Inputs) -> Dense:
        """`(n, width) float32`, NaN where a number is missing."""
        numbers = np.maximum(inputs.numbers, _LEAST)
        np.minimum(numbers, _LARGEST, out=numbers)
        if not self.categories and numbers.shape[1] == self.numbers:
            return Dense(numbers.astype(np.float32, order="C"))
        values = np.zeros((inputs.n, self.width), dtype=np.float32)
        values[:, : self.numbers] = numbers
        for place, column in zip(self._places, inputs.categories, strict=True):
            for row, value in enumerate(column):
                if value in place:
                    values[row, place[value]] = 1.0
        return Dense(values)

    @cached_property
    def _places(self) -> tuple[Mapping[str | None, int], ...]:
        """For each category column the matrix's column of each listed value."""
        places: list[Mapping[str | None, int]] = []
        start = self.numbers
        for listed in self.categories:
            places.append({value: start + index for index, value in enumerate(listed)})
            start += len(listed)
        return tuple(places)

    def save(self, writer: BundleWriter, stage: str) -> Mapping[str, Any]:  # noqa: ARG002 - all in the description
        """Everything stands in the description."""
        return {
            "kind": self.name,
            "numbers": self.numbers,
            "categories": [list(values) for values in self.categories],
        }

    @classmethod
    def load(cls, spec: Mapping[str, Any], files: BundleFiles) -> ColumnsBlock:  # noqa: ARG003 - all in the description
        """Restore what `save` wrote."""
        return cls(int(spec["numbers"]), tuple(tuple(values) for values in spec["categories"]))
