"""Rows of different lengths as flat tokens, and the seeded order in which training meets them.

Always: the same seed and epoch give the same batches; each row comes once an epoch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

_POOL_BATCHES = 16
_ROUND_TOKENS, _ROUND_LENGTH = 64, 4


@dataclass(frozen=True)
class Batch:
    """Some rows, one after the other, and idle tokens up to a round number.

    Torch prepares and keeps a product for every size it meets; round numbers come again.

    Attributes:
        states: `(round, width)` float32 states to start from; None when training starts from `ids`.
        ids: `(round,)` int64, special tokens included; None with `states`.
        place: `(round,)` int64, of a token in its row.
        row: `(tokens,)` int64 in `[0, n)`.
        starts: `(n,)` int64, of each row's first token.
        lengths: `(n,)` float32.
        longest: Tokens of the longest row, or a few more.
        slots: `(tokens,)` int64 places in `(n, longest)` rows laid out flat.
        mask: `(n, longest)` bool, true at tokens.
        features: `(n, m)` float32 of what stands beside the text; None for nothing.
    """

    states: Any
    ids: Any
    place: Any
    row: Any
    starts: Any
    lengths: Any
    longest: int
    slots: Any
    mask: Any
    features: Any = None

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.starts)

    @property
    def tokens(self) -> int:
        """Number of tokens, idle ones not counted."""
        return len(self.row)


class Rows(Protocol):
    """What training reads: flat tokens or states, by row."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """`(n,)` tokens of each row."""

    def batch(self, rows: NDArray[np.intp]) -> Batch:
        """Those rows, in that order."""


@dataclass(frozen=True)
class Beside:
    """Rows of text with features beside them, which the head reads as they are.

    Attributes:
        rows: The text.
        features: `(n, m)` sparse matrix, by row.
    """

    rows: Rows
    features: Any

    @property
    def lengths(self) -> NDArray[np.int64]:
        """`(n,)` tokens of each row."""
        return self.rows.lengths

    def batch(self, rows: NDArray[np.intp]) -> Batch:
        """Those rows, in that order."""
        features = self.features[rows].toarray().astype(np.float32)
        return replace(self.rows.batch(rows), features=torch.from_numpy(features))


def make_batch(
    lengths: NDArray[np.int64],
    *,
    states: NDArray[np.floating] | None = None,
    ids: NDArray[np.int64] | None = None,
) -> Batch:
    """Arrange flat tokens.

    Args:
        lengths: `(n,)` tokens of each row, at least 1.
        states: `(tokens, width)`, or
        ids: `(tokens,)`.
    """
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
    row = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(row)) - starts[row]
    longest = _round_up(int(lengths.max()), _ROUND_LENGTH)
    idle = _round_up(len(row), _ROUND_TOKENS) - len(row)
    return Batch(
        states=None if states is None else _with_idle(states.astype(np.float32), idle),
        ids=None if ids is None else _with_idle(ids, idle),
        place=_with_idle(place, idle),
        row=torch.from_numpy(row),
        starts=torch.from_numpy(starts),
        lengths=torch.from_numpy(lengths.astype(np.float32)),
        longest=longest,
        slots=torch.from_numpy(row * longest + place),
        mask=torch.from_numpy(np.arange(longest) < lengths[:, None]),
    )


def _round_up(number: int, step: int) -> int:
    return -(-number // step) * step


def _with_idle(array: NDArray[Any], idle: int) -> Any:  # noqa: ANN401 - a tensor
    return torch.from_numpy(np.concatenate([array, np.zeros((idle, *array.shape[1:]), array.dtype)]))


def token_places(offsets: NDArray[np.int64], rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """Where the tokens of some rows lie in the flat arrays, row after row.

    >>> token_places(np.array([0, 2, 3, 5]), np.array([2, 0])).tolist()
    [3, 4, 0, 1]
    """
    lengths = offsets[rows + 1] - offsets[rows]
    shifts = offsets[rows] - np.concatenate([[0], np.cumsum(lengths)[:-1]])
    return np.asarray(np.arange(int(lengths.sum())) + np.repeat(shifts, lengths), dtype=np.int64)


def shuffled_batches(
    rows: NDArray[np.intp], lengths: NDArray[np.int64], *, size: int, seed: int, epoch: int
) -> Iterator[NDArray[np.intp]]:
    """Each row once, in batches whose rows are of similar length.

    The order is shuffled; in each stretch of some batches the rows are then sorted by length, and the
    stretch's batches shuffled: a row meets other neighbours every epoch, and attention pads little.

    Args:
        rows: Which rows.
        lengths: Tokens of every row there is.
        size: Rows a batch.
        seed: Of the training.
        epoch: Another order each.
    """
    rng = np.random.default_rng([seed, epoch])
    shuffled = rng.permutation(rows)
    for start in range(0, len(shuffled), size * _POOL_BATCHES):
        pool = shuffled[start : start + size * _POOL_BATCHES]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches = [pool[at : at + size] for at in range(0, len(pool), size)]
        for place in rng.permutation(len(batches)):
            yield batches[place]


def even_batches(
    rows: NDArray[np.intp], lengths: NDArray[np.int64], *, size: int = 64
) -> Iterator[NDArray[np.intp]]:
    """Rows sorted by length, for answering."""
    order = rows[np.argsort(lengths[rows], kind="stable")]
    for start in range(0, len(order), size):
        yield order[start : start + size]
