"""Rows whose two most probable classes are closest.

Not covered: annotators who err; where they do, asking only about hard rows can lose to asking blindly.
Source: Scheffer, Decomain, Wrobel (2001), Active hidden Markov models for information extraction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smallcraft.label.pool import Choice, Pool, top_rows


@dataclass(frozen=True)
class Margin:
    """Least lead of the best class over the second."""

    name: str = "margin"

    def choose(self, pool: Pool, *, n: int, rng: np.random.Generator) -> Choice:  # noqa: ARG002 - of the contract
        """The rows of the smallest lead."""
        best = np.partition(pool.probs, -2, axis=1)[:, -2:]
        return top_rows(best[:, 0] - best[:, 1], pool, n=n)
