"""A number of each row, of its key or else of its inputs: its label, other rows and the seed play no part.

What the numbers decide belongs to `data.split`.
Always: rows of one key share a number, and so do copies without a key; a corrected label changes no number,
nor do rows that come or go, but for copies: a group of near copies has the smallest number of its rows.
Not covered: tables where equal rows are ordinary. There a row has nothing of its own but all of it, its label
too, and equal rows are counted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.duplicates import normalised
from smallcraft.data.table import row_digests
from smallcraft.data.ties import Ties
from smallcraft.records import Roles


def row_numbers(frame: pl.DataFrame, roles: Roles, ties: Ties) -> NDArray[np.uint64]:
    """`(n,)` numbers of the rows of a table.

    Args:
        frame: The rows.
        roles: Their roles.
        ties: Says which rows are copies of each other.
    """
    numbers = _of_inputs(frame, roles, ties)
    if roles.key is None:
        return numbers
    has_key = frame[roles.key].is_not_null().to_numpy()
    return np.where(has_key, digest_numbers(frame, (roles.key,)), numbers)


def _of_inputs(frame: pl.DataFrame, roles: Roles, ties: Ties) -> NDArray[np.uint64]:
    if ties.copies is None:
        return _counted(digest_numbers(frame, roles.named))
    if roles.text is None:
        return digest_numbers(frame, roles.features)
    texts = frame[roles.text].fill_null("").map_elements(normalised, return_dtype=pl.String)
    numbers = digest_numbers(texts.to_frame(), (roles.text,))
    least = np.full(int(ties.copies.max(initial=-1)) + 1, np.iinfo(np.uint64).max)
    np.minimum.at(least, ties.copies, numbers)
    return least[ties.copies]


def digest_numbers(frame: pl.DataFrame, columns: Sequence[str]) -> NDArray[np.uint64]:
    """The first eight bytes of each row's digest."""
    digests = b"".join(row_digests(frame, columns))
    return np.frombuffer(digests, dtype=">u8").reshape(-1, 4)[:, 0].astype(np.uint64)


def _counted(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Numbers of which no two are equal: the second of equal ones counts one up, and so on."""
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    counts = np.arange(len(numbers)) - np.repeat(starts, np.diff([*starts, len(numbers)]))
    counted = np.empty_like(numbers)
    counted[order] = ordered + counts.astype(np.uint64)
    return counted
