"""Votes as symbols: rows of a table that holds, for each true class, the probability of that very vote.

An annotator owns `k` neighbouring rows, one a label; the codes of a witness come after all annotators.
What the table holds and how it is learned belongs to `stats.dawid_skene`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError

if TYPE_CHECKING:
    from smallcraft.stats.kernels.votes import VotePass

_LARGEST_TABLE = 100_000_000
_HAIR = 1e-6


@dataclass(frozen=True)
class Witness:
    """What a classifier says of every item, as codes without an order.

    Attributes:
        code: `(n,)` int32.
        codes: How many codes there are.
    """

    code: NDArray[np.int32]
    codes: int


@dataclass(frozen=True)
class Symbols:
    """Votes as rows of a table: `annotator * k + label`, and after those the codes of the witness.

    Attributes:
        starts: `(n + 1,)` int64; item `i` has the symbols `starts[i]` to `starts[i + 1]`.
        symbol: `(m,)` int32.
        annotators: How many there are.
        classes: How many there are, `k`.
        codes: Of the witness; 0 without one.
    """

    starts: NDArray[np.int64]
    symbol: NDArray[np.int32]
    annotators: int
    classes: int
    codes: int = 0

    @property
    def rows(self) -> int:
        """How many rows the table has."""
        return self.annotators * self.classes + self.codes

    def by_annotator(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(annotators, k, k)` view of a table: annotator, vote, true class."""
        k = self.classes
        return table[: self.annotators * k].reshape(self.annotators, k, k)

    def counts(self, posterior: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(rows, k)` expected votes of each symbol by true class."""
        items = np.repeat(np.arange(len(posterior)), np.diff(self.starts))
        columns = [np.bincount(self.symbol, column[items], self.rows) for column in posterior.T]
        return np.stack(columns, axis=1)

    def passed(self, table: NDArray[np.float64], prior: NDArray[np.float64]) -> VotePass:
        """The E-step over all items."""
        from smallcraft.stats.kernels.votes import expect_and_count

        return expect_and_count(self.starts, self.symbol, table, prior)

    def only(self, keep: NDArray[np.bool_]) -> Symbols:
        """The votes of some items."""
        if keep.all():
            return self
        sizes = np.diff(self.starts)
        starts = np.concatenate([[0], np.cumsum(sizes[keep])]).astype(np.int64)
        return replace(self, starts=starts, symbol=self.symbol[np.repeat(keep, sizes)])

    def heard_with(self, witness: Witness) -> Symbols:
        """One more vote an item, after its others."""
        n = len(self.starts) - 1
        if len(witness.code) != n:
            raise InvalidInputError(
                f"the witness must have one code an item, {n:,}, got {len(witness.code):,}"
            )
        symbol = np.empty(len(self.symbol) + n, dtype=np.int32)
        symbol[np.arange(len(self.symbol)) + np.repeat(np.arange(n), np.diff(self.starts))] = self.symbol
        symbol[self.starts[1:] + np.arange(n)] = self.rows + witness.code
        return replace(self, starts=self.starts + np.arange(n + 1), symbol=symbol, codes=witness.codes)


def make_symbols(
    starts: NDArray[np.int64],
    annotator: NDArray[np.int32],
    label: NDArray[np.int32],
    annotators: int,
    classes: int,
) -> Symbols:
    """Checked codes as rows of a table."""
    if not len(starts) or starts[0] != 0 or starts[-1] != len(label) or (np.diff(starts) < 0).any():
        raise InvalidInputError(
            f"starts must rise from 0 to the number of votes, {len(label):,}; sort the votes by item first"
        )
    for name, codes, end in (("annotator", annotator, annotators), ("label", label, classes)):
        if len(codes) != len(label) or end < 1 or (len(codes) and not 0 <= codes.min() <= codes.max() < end):
            raise InvalidInputError(
                f"{name} must hold {len(label):,} codes from 0 to {end - 1}, got {len(codes):,}"
                + (f" from {codes.min()} to {codes.max()}" if len(codes) else "")
            )
    if annotators * classes * classes > _LARGEST_TABLE:
        raise InvalidInputError(
            f"{annotators:,} annotators x {classes:,} x {classes:,} classes do not fit in memory; "
            "merge rare classes, or use majority_vote"
        )
    symbol = annotator.astype(np.int32) * np.int32(classes) + label.astype(np.int32)
    return Symbols(np.asarray(starts, dtype=np.int64), symbol, annotators, classes)


def vote_shares(votes: Symbols) -> NDArray[np.float64]:
    """`(n, k)` shares of votes, a hair towards the common classes; those alone without a vote."""
    n, k = len(votes.starts) - 1, votes.classes
    items = np.repeat(np.arange(n), np.diff(votes.starts))
    counts = np.bincount(items * k + votes.symbol % k, minlength=n * k).reshape(n, k)
    common = (counts.sum(axis=0) + 1 / k) / (len(votes.symbol) + 1)
    leaning = counts + _HAIR * common
    return np.asarray(leaning / leaning.sum(axis=1, keepdims=True))
