"""What a round of labelling may ask about: rows, what is known of each, and what a strategy makes of them.

What the numbers are made from belongs to `label.doubt`, `label.value` and `label.slices`; the arms of a batch
to `label.batch`.
Always: a strategy sees no truth that nobody was asked for; a row that may not be asked has `is_open` False.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError

Action = Literal["label", "relabel", "adjudicate"]
ACTIONS: tuple[Action, ...] = get_args(Action)
NO_LABEL = -1
NO_SLICE = ""


@dataclass(frozen=True)
class Pool:
    """`n` rows that may be asked about.

    Attributes:
        items: `n` ids, each once.
        classes: The `k` class names.
        given: `(n,)` int64 codes, -1 for a row without a label.
        probs: `(n, k)` float64 out-of-sample probabilities, rows sum to 1.
        action: `n` actions, what would be asked of each.
        wrong: `(n,)` float64 calibrated chance that what stands for the label now is wrong.
        value: `(n,)` float64 worth of asking, for one unit of cost, from 0.
        slices: `n` names of failing slices, empty for a row in none.
        is_open: `(n,)` bool, which may be asked.
        vectors: `(n, width)` float32, rows alike in meaning lie close; None without an encoder.
        committee: `(m, n)` int64 codes that `m` different models answer; None without.
    """

    items: tuple[str, ...]
    classes: tuple[str, ...]
    given: NDArray[np.int64]
    probs: NDArray[np.float64]
    action: tuple[Action, ...]
    wrong: NDArray[np.float64]
    value: NDArray[np.float64]
    slices: tuple[str, ...]
    is_open: NDArray[np.bool_]
    vectors: NDArray[np.float32] | None = None
    committee: NDArray[np.int64] | None = None

    @property
    def open_rows(self) -> NDArray[np.int64]:
        """`(m,)` int64 positions that may be asked, in order."""
        return np.flatnonzero(self.is_open).astype(np.int64)


@dataclass(frozen=True)
class Choice:
    """Rows that a strategy asks for, the most urgent first.

    Attributes:
        rows: `(m,)` int64 positions in the pool, each once.
        chance: `(m,)` float64 in (0, 1], of each row to be asked for by this draw; 1 where nothing was drawn.
    """

    rows: NDArray[np.int64]
    chance: NDArray[np.float64]


class Strategy(Protocol):
    """Chooses rows to ask about (`label/strategies`)."""

    @property
    def name(self) -> str:
        """Its key in the folder's table."""

    def choose(self, pool: Pool, *, n: int, rng: np.random.Generator) -> Choice:
        """At most `n` open rows, each once, with its chance; all there are where `n` is more."""


def make_pool(
    items: Sequence[str],
    classes: Sequence[str],
    *,
    given: NDArray[np.int64],
    probs: NDArray[np.float64],
    action: Sequence[Action] | None = None,
    wrong: NDArray[np.float64] | None = None,
    value: NDArray[np.float64] | None = None,
    slices: Sequence[str] | None = None,
    is_open: NDArray[np.bool_] | None = None,
    vectors: NDArray[np.float32] | None = None,
    committee: NDArray[np.int64] | None = None,
) -> Pool:
    """A pool whose parts fit together; what is left out stands for "nothing known".

    Args:
        items: `n` ids, each once.
        classes: `k` names.
        given: As in `Pool`.
        probs: As in `Pool`.
        action: Default: `label` for a row without a label, `relabel` for the others.
        wrong: Default: how little the model believes in what stands for the label now.
        value: Default: `wrong`.
        slices: Default: no slices.
        is_open: Default: all.
        vectors: As in `Pool`.
        committee: As in `Pool`.

    Raises:
        InvalidInputError: Two items share an id, or a part is of another number of rows or classes.
    """
    n, k = len(items), len(classes)
    if len(set(items)) != n:
        raise InvalidInputError(
            f"each row of a pool needs an id of its own, got {len(set(items)):,} ids for {n:,} rows; remove "
            "copies"
        )
    if probs.shape != (n, k):
        raise InvalidInputError(
            f"a pool of {n:,} rows and {k} classes needs probabilities of that shape, got {probs.shape}; "
            "take both from the same rows"
        )
    doubt = doubted_by_model(given, probs) if wrong is None else wrong
    pool = Pool(
        items=tuple(items),
        classes=tuple(classes),
        given=given,
        probs=probs,
        action=tuple(action) if action is not None else default_actions(given),
        wrong=doubt,
        value=doubt if value is None else value,
        slices=tuple(slices) if slices is not None else (NO_SLICE,) * n,
        is_open=np.ones(n, dtype=np.bool_) if is_open is None else is_open,
        vectors=vectors,
        committee=committee,
    )
    _check_lengths(pool)
    return pool


def default_actions(given: NDArray[np.int64]) -> tuple[Action, ...]:
    """`label` where there is none yet, `relabel` elsewhere.

    >>> default_actions(np.array([3, -1]))
    ('relabel', 'label')
    """
    return tuple("relabel" if code >= 0 else "label" for code in given.tolist())


def doubted_by_model(given: NDArray[np.int64], probs: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(n,)` float64: how little the model believes in the given label, or in its own answer without one.

    >>> doubted_by_model(np.array([0, -1]), np.array([[0.25, 0.75], [0.25, 0.75]])).tolist()
    [0.75, 0.25]
    """
    code = np.where(given >= 0, given, probs.argmax(axis=1))
    return np.asarray(1 - probs[np.arange(len(given)), code], dtype=np.float64)


def checked_number(n: int) -> int:
    """How many rows to choose, at least 0.

    Raises:
        InvalidInputError: It is negative.
    """
    if n < 0:
        raise InvalidInputError(
            f"a number of rows to ask about is at least 0, got {n}; write how many you can pay"
        )
    return n


def top_rows(score: NDArray[np.float64], pool: Pool, *, n: int) -> Choice:
    """The `n` open rows of the highest score, ties in the order of the pool; all chances are 1."""
    rows = pool.open_rows
    order = np.argsort(-score[rows], kind="stable")[: checked_number(n)]
    return Choice(rows[order], np.ones(len(order)))


def rows_by_value(pool: Pool) -> NDArray[np.int64]:
    """`(m,)` int64 open rows by value, the highest first; among equals those that the model doubts most.

    Values are no more exact than a twentieth of the highest, so what is closer counts as equal.
    """
    rows = pool.open_rows
    doubted = doubted_by_model(pool.given[rows], pool.probs[rows])
    highest = float(pool.value[rows].max(initial=0.0)) or 1.0
    coarse = np.round(20 * pool.value[rows] / highest)
    return np.asarray(rows[np.lexsort((-doubted, -coarse))], dtype=np.int64)


def _check_lengths(pool: Pool) -> None:
    n = len(pool.items)
    parts = {
        "given": len(pool.given),
        "action": len(pool.action),
        "wrong": len(pool.wrong),
        "value": len(pool.value),
        "slices": len(pool.slices),
        "is_open": len(pool.is_open),
        "vectors": n if pool.vectors is None else len(pool.vectors),
        "committee": n if pool.committee is None else pool.committee.shape[1],
    }
    for name, length in parts.items():
        if length != n:
            raise InvalidInputError(
                f"'{name}' of a pool holds one entry a row ({n:,}), got {length:,}; take it from the same "
                "rows"
            )
