"""Typical rows far from each other: for the start, when there are fewer than some twenty labels a class.

Rows that are labelled already count as covered. Each step takes the row that covers the most of what is not
covered yet (facility location over cosine similarity).
Source: Hacohen, Dekel, Weinshall (2022), Active learning on a budget; Nemhauser, Wolsey, Fisher (1978) for
the greedy bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.label.pool import Choice, Pool, checked_number

_MOST_WITNESSES = 2000
_MOST_CANDIDATES = 5000


@dataclass(frozen=True)
class CoverageFirst:
    """Greedy facility location."""

    name: str = "coverage_first"

    def choose(self, pool: Pool, *, n: int, rng: np.random.Generator) -> Choice:
        """The rows that, together with the labelled ones, stand closest to all rows of the pool.

        Of a large pool a random part is looked at; a row's chance is its chance to be in that part.

        Raises:
            InvalidInputError: The pool has no vectors.
        """
        if pool.vectors is None:
            raise InvalidInputError(
                "the strategy 'coverage_first' needs a vector a row, got none; install encoder weights, or "
                "use 'random'"
            )
        rows = pool.open_rows
        most = max(_MOST_CANDIDATES, checked_number(n))
        drawn = np.sort(rng.permutation(rows)[:most])
        unit = _unit(pool.vectors)
        witnesses = np.sort(rng.permutation(len(unit))[:_MOST_WITNESSES])
        taken = _greedy(unit[witnesses], unit[drawn], _covered(unit, witnesses, pool), n=min(n, len(drawn)))
        chance = len(drawn) / max(len(rows), 1)
        return Choice(drawn[taken], np.full(len(taken), chance))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def _covered(unit: NDArray[np.float32], witnesses: NDArray[np.int64], pool: Pool) -> NDArray[np.float32]:
    """`(w,)` similarity of each witness to the nearest labelled row, 0 where there is none."""
    covered = np.zeros(len(witnesses), dtype=np.float32)
    labelled = np.flatnonzero((pool.given >= 0) & ~pool.is_open)
    for start in range(0, len(labelled), 1000):
        part = unit[labelled[start : start + 1000]]
        covered = np.maximum(covered, (unit[witnesses] @ part.T).max(axis=1))
    return covered


def _greedy(
    witnesses: NDArray[np.float32], rows: NDArray[np.float32], covered: NDArray[np.float32], *, n: int
) -> NDArray[np.int64]:
    similar = rows @ witnesses.T
    covered = covered.copy()
    taken: list[int] = []
    gains = np.maximum(similar - covered, 0).sum(axis=1)
    while len(taken) < n:
        # Gains only ever fall, so the best fresh one that beats all stale ones is the best.
        fresh: set[int] = set()
        best = int(gains.argmax())
        while best not in fresh:
            gains[best] = np.maximum(similar[best] - covered, 0).sum()
            fresh.add(best)
            best = int(gains.argmax())
        taken.append(best)
        covered = np.maximum(covered, similar[best])
        gains[best] = -1.0
    return np.array(taken, dtype=np.int64)
