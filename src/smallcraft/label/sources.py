"""Where rows to ask about come from: findings of a check, an alarm, abstentions, a gate that is undecided.

What an alarm found belongs to `observe`, what a gate lacks to `gates`; here they are positions with a name.
Always: a review asks for a row once; a source that is short leaves its places to the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.label.pool import Pool

DRIFTED, BLIND, UNSURE = 0.5, 0.3, 0.2


@dataclass(frozen=True)
class Source:
    """Rows with a name: `check`, `alarm a12`, `abstained`, `gate north`.

    Attributes:
        name: In words.
        rows: `(m,)` int64 positions in the pool, the most urgent first.
    """

    name: str
    rows: NDArray[np.int64]


def open_rows_of(pool: Pool, sources: Sequence[Source]) -> Pool:
    """The same pool with only those rows open that were open and that a source names.

    Raises:
        InvalidInputError: A source names a row that the pool lacks.
    """
    named = np.zeros(len(pool.items), dtype=np.bool_)
    for source in sources:
        if len(source.rows) and (source.rows.min() < 0 or source.rows.max() >= len(named)):
            raise InvalidInputError(
                f"the source '{source.name}' names row {int(source.rows.max()):,}, the pool has "
                f"{len(named):,}; "
                "take both from the same table"
            )
        named[source.rows] = True
    return replace(pool, is_open=pool.is_open & named)


def review_rows(
    pool: Pool, drifted: NDArray[np.int64], *, n: int, rng: np.random.Generator
) -> tuple[Source, ...]:
    """What an alarm asks people to look at: half drifted rows, three tenths blind, a fifth unsure.

    Args:
        pool: Rows of the windows of the alarm.
        drifted: `(m,)` int64 positions that the alarm names, the most telling first.
        n: How many rows.
        rng: Draws the blind ones, from all open rows.

    Returns:
        Three sources, `drifted`, `random`, `unsure`, of `n` rows together where the pool has as many.
    """
    is_left = pool.is_open.copy()
    blind = _take(rng.permutation(pool.open_rows), is_left, round(BLIND * n))
    first = _take(drifted, is_left, round(DRIFTED * n))
    unsure = np.argsort(pool.probs.max(axis=1), kind="stable").astype(np.int64)
    last = _take(unsure, is_left, n - len(blind) - len(first))
    return Source("drifted", first), Source("random", blind), Source("unsure", last)


def _take(ranked: NDArray[np.int64], is_left: NDArray[np.bool_], n: int) -> NDArray[np.int64]:
    """The first `n` that are left, which then are not."""
    rows = ranked[is_left[ranked]][: max(n, 0)]
    is_left[rows] = False
    return np.asarray(rows, dtype=np.int64)
