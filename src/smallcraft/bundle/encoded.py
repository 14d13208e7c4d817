"""What a block makes of rows: a dense or a sparse matrix, in arrays.

Always: float32 values; a sparse row lists its columns in ascending order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Dense:
    """`values: (n, width) float32`."""

    values: NDArray[np.float32]

    @property
    def width(self) -> int:
        """Number of columns."""
        return int(self.values.shape[1])


@dataclass(frozen=True)
class Sparse:
    """Compressed rows: row `i` has `values[offsets[i]:offsets[i+1]]` in `columns[...]`."""

    offsets: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: NDArray[np.float32]
    width: int


Encoded = Dense | Sparse


def sparse_rows(rows: list[tuple[NDArray[np.int64], NDArray[np.float32]]], width: int) -> Sparse:
    """Stack `(columns, values)` pairs, one a row."""
    if len(rows) == 1:
        (columns, values), *_ = rows
        return Sparse(np.array([0, len(columns)], dtype=np.int64), columns, values, width)
    offsets = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum([len(columns) for columns, _ in rows], out=offsets[1:])
    if not rows:
        return Sparse(offsets, np.empty(0, np.int64), np.empty(0, np.float32), width)
    return Sparse(
        offsets,
        np.concatenate([columns for columns, _ in rows]),
        np.concatenate([values for _, values in rows]),
        width,
    )
