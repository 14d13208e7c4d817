"""Feature columns as trees read them: numbers as they are (missing stays missing), categories one-hot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from smallcraft.bundle.encoded import Dense
from smallcraft.bundle.inputs import Inputs
from smallcraft.bundle.layout import BundleFiles, BundleWriter

_LARGEST = float(np.finfo(np.float32).max)


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
        values = np.zeros((inputs.n, self.width), dtype=np.float32)
        values[:, : self.numbers] = np.clip(inputs.numbers, -_LARGEST, _LARGEST)
        start = self.numbers
        for listed, column in zip(self.categories, inputs.categories, strict=True):
            place = {value: start + index for index, value in enumerate(listed)}
            for row, value in enumerate(column):
                if value in place:
                    values[row, place[value]] = 1.0
            start += len(listed)
        return Dense(values)

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
