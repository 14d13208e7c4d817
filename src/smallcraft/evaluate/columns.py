"""Some of the rows of input columns: by position, drawn by a seed.

Always: what is drawn depends on the seed and the candidates alone, and stands in row order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Columns = Mapping[str, Sequence[object]]


def count_rows(columns: Columns) -> int:
    """How many rows there are; 0 without a column."""
    return len(next(iter(columns.values()), ()))


def take_rows(
    columns: Columns, positions: NDArray[np.int64], *, names: Iterable[str] | None = None
) -> dict[str, list[object]]:
    """The rows at these positions.

    Args:
        columns: Equally long.
        positions: `(m,)` int64.
        names: Columns to take; None for all.

    >>> take_rows({"text": ["a", "b", "c"]}, np.array([2, 0]))
    {'text': ['c', 'a']}
    """
    order = positions.tolist()
    kept = columns if names is None else {name: columns[name] for name in names}
    return {name: [values[row] for row in order] for name, values in kept.items()}


def draw_rows(candidates: NDArray[np.int64], most: int, *, seed: int) -> NDArray[np.int64]:
    """All candidates, or so many of them, drawn without replacement, in row order."""
    if len(candidates) <= most:
        return candidates
    rng = np.random.default_rng(seed)
    return np.sort(rng.choice(candidates, size=most, replace=False))
