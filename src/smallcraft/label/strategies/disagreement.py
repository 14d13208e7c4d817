"""Rows about which different models answer differently; the least sure first where the models agree.

Source: Seung, Opper, Sompolinsky (1992), Query by committee; vote entropy after Dagan and Engelson (1995).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.label.pool import Choice, Pool, top_rows


@dataclass(frozen=True)
class Disagreement:
    """Highest entropy of a committee's answers."""

    name: str = "disagreement"

    def choose(self, pool: Pool, *, n: int, rng: np.random.Generator) -> Choice:  # noqa: ARG002 - of the contract
        """The rows that the committee is most divided on.

        Raises:
            InvalidInputError: The pool has no committee of two models or more.
        """
        if pool.committee is None or len(pool.committee) < 2:
            raise InvalidInputError(
                "the strategy 'disagreement' needs the answers of two models or more, got one; install "
                "encoder weights, so that a second one reads the rows, or use 'margin'"
            )
        unsure = 1 - pool.probs.max(axis=1)
        # A committee of m moves its entropy by more than a tie-break this small can.
        return top_rows(vote_entropy(pool.committee, len(pool.classes)) + 1e-6 * unsure, pool, n=n)


def vote_entropy(committee: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """`(n,)` float64 nats: how divided the answers of `(m, n)` codes are.

    >>> vote_entropy(np.array([[0, 1], [0, 2]]), 3).round(3).tolist()
    [0.0, 0.693]
    """
    members, n = committee.shape
    counts = np.bincount((np.arange(n) * k + committee).ravel(), minlength=n * k).reshape(n, k)
    shares = counts / members
    logs = np.log(np.where(shares > 0, shares, 1.0))
    return np.asarray(np.abs(-(shares * logs).sum(axis=1)))
