"""Rows with a label that most probably is wrong and that one more vote most probably repairs.

Rows without a label come last: what a new row teaches is not what this strategy weighs.
Source: Bernhardt et al. (2022), Active label cleaning for improved dataset quality, Nature Communications 13.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smallcraft.label.pool import Choice, Pool, checked_number, rows_by_value


@dataclass(frozen=True)
class RelabelValue:
    """Highest value of one more vote on a label that is there."""

    name: str = "relabel_value"

    def choose(self, pool: Pool, *, n: int, rng: np.random.Generator) -> Choice:  # noqa: ARG002 - of the contract
        """Labelled rows of the highest value, then the others."""
        ranked = rows_by_value(pool)
        has_label = pool.given[ranked] >= 0
        rows = np.concatenate([ranked[has_label], ranked[~has_label]])[: checked_number(n)]
        return Choice(rows, np.ones(len(rows)))
