"""Rows of which the model is least sure over all classes.

Not covered: annotators who err; where they do, asking only about hard rows can lose to asking blindly.
Source: Settles (2009), Active learning literature survey, section 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smallcraft.label.pool import Choice, Pool, top_rows

_LEAST = 1e-300


@dataclass(frozen=True)
class Entropy:
    """Highest entropy of the probabilities."""

    name: str = "entropy"

    def choose(self, pool: Pool, *, n: int, rng: np.random.Generator) -> Choice:  # noqa: ARG002 - of the contract
        """The rows of the highest entropy."""
        entropy = -(pool.probs * np.log(np.maximum(pool.probs, _LEAST))).sum(axis=1)
        return top_rows(entropy, pool, n=n)
