"""The default mix: rows of the highest value, spread over failing slices and over what they say.

1. in order of value, skipping a slice that has its share and a row nearly equal to one already taken
2. rows that were skipped, in order of value, where the number is not reached

Always: no failing slice takes more than its share while other rows are left.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.label.pool import NO_SLICE, Choice, Pool, checked_number, rows_by_value


@dataclass(frozen=True)
class SliceValue:
    """Value within caps.

    Attributes:
        most_of_a_slice: Share of the rows chosen that one failing slice may take.
        too_close: Cosine from which two rows count as the same question.
    """

    name: str = "slice_value"
    most_of_a_slice: float = 0.5
    too_close: float = 0.95

    def choose(self, pool: Pool, *, n: int, rng: np.random.Generator) -> Choice:  # noqa: ARG002 - of the contract
        """Rows by value, within the caps; nothing is drawn, so chances are 1."""
        ranked = rows_by_value(pool)
        wanted = min(checked_number(n), len(ranked))
        first = self._spread(pool, ranked, wanted)  # (1)
        if len(first) < wanted:  # (2)
            left = ranked[~np.isin(ranked, first)]
            first = np.concatenate([first, left[: wanted - len(first)]])
        return Choice(first, np.ones(len(first)))

    def _spread(self, pool: Pool, ranked: NDArray[np.int64], wanted: int) -> NDArray[np.int64]:
        cap = max(1, int(self.most_of_a_slice * wanted))
        taken: list[int] = []
        in_slice: Counter[str] = Counter()
        near = _Nearness(pool.vectors, wanted)
        for row in ranked.tolist():
            if len(taken) == wanted:
                break
            name = pool.slices[row]
            if name != NO_SLICE and in_slice[name] >= cap:
                continue
            if near.has(row, self.too_close):
                continue
            near.add(row)
            in_slice[name] += 1
            taken.append(row)
        return np.array(taken, dtype=np.int64)


class _Nearness:
    """Unit vectors of the rows taken so far."""

    def __init__(self, vectors: NDArray[np.float32] | None, most: int) -> None:
        self._vectors = vectors
        self._taken = np.zeros((most, 0 if vectors is None else vectors.shape[1]), dtype=np.float32)
        self._count = 0

    def has(self, row: int, too_close: float) -> bool:
        """Whether one of them is as close as that."""
        if self._vectors is None or self._count == 0:
            return False
        return bool((self._taken[: self._count] @ self._unit(row)).max() >= too_close)

    def add(self, row: int) -> None:
        """Remember one more."""
        if self._vectors is not None:
            self._taken[self._count] = self._unit(row)
            self._count += 1

    def _unit(self, row: int) -> NDArray[np.float32]:
        assert self._vectors is not None
        vector = self._vectors[row]
        return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), dtype=np.float32)
