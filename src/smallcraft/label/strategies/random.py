"""Rows drawn blindly: the arm that every other strategy is measured against.

Always: each open row has the same chance, the number drawn over the number open.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smallcraft.label.pool import Choice, Pool, checked_number


@dataclass(frozen=True)
class Random:
    """Without looking."""

    name: str = "random"

    def choose(self, pool: Pool, *, n: int, rng: np.random.Generator) -> Choice:
        """A simple random sample of the open rows."""
        rows = pool.open_rows
        drawn = rng.permutation(len(rows))[: checked_number(n)]
        return Choice(rows[drawn], np.full(len(drawn), len(drawn) / max(len(rows), 1)))
