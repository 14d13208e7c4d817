"""Which rows must not be separated: rows of one key, and copies.

Dealing them out belongs to `data.allocation`, the whole procedure to `data.split`.
Keys always tie. Copies tie too, unless that would defeat the split: with a time, a message that returns every
week would pull old rows into cert; and copies of common messages may chain most keys into one block. Then
copies are loose: rows are dealt without them, and a row whose copies are mostly in another split is held out.
Always: after that, neither a key nor a copy straddles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.duplicates import RowGroups, joined_groups, row_copies
from smallcraft.records import Roles


@dataclass(frozen=True)
class Ties:
    """What ties rows together.

    Attributes:
        units: `(n,)` int64; rows with one number are dealt together.
        loose_copies: `(n,)` int64 groups of copies that `units` does not hold together; else None.
        notes: What was tied, in plain sentences.
        copies: `(n,)` int64 groups of copies, tied or loose; None where equal rows are not copies.
    """

    units: NDArray[np.int64]
    loose_copies: NDArray[np.int64] | None
    notes: tuple[str, ...]
    copies: NDArray[np.int64] | None = None


def tied_rows(frame: pl.DataFrame, roles: Roles, *, similarity: float, room: float, by_time: bool) -> Ties:
    """Tie rows by key and by being copies.

    Args:
        frame: The rows.
        roles: Their roles.
        similarity: As in `data.duplicates`.
        room: Rows that fit in the smallest split; a larger block of keys and copies is taken apart.
        by_time: True when the latest rows are to be cert.
    """
    copies = row_copies(frame, roles, similarity=similarity)
    notes = _copy_notes(copies)
    alone = np.arange(frame.height, dtype=np.int64)
    by_key = alone
    if roles.key is not None:
        keys = frame[roles.key]
        by_key = joined_groups(alone, *_key_links(alone, keys))
        without = f", {keys.null_count():,} rows without one" if keys.null_count() else ""
        notes += (
            f"rows with one '{roles.key}' stay together: {keys.drop_nulls().n_unique():,} keys{without}",
        )
    groups = copies.groups if copies.is_meaningful else None
    has_copies = int(copies.groups.max(initial=-1)) + 1 < frame.height
    if not has_copies or by_time:
        return Ties(by_key, copies.groups if has_copies else None, notes, groups)
    first = np.unique(copies.groups, return_index=True)[1]
    both = joined_groups(by_key, by_key[first][copies.groups], by_key)
    if roles.key is not None and _largest(both) > max(room, _largest(by_key)):
        return Ties(by_key, copies.groups, notes, groups)
    return Ties(both, None, notes, groups)


def _copy_notes(copies: RowGroups) -> tuple[str, ...]:
    rows = len(copies.groups)
    tied = rows - int(copies.groups.max(initial=-1)) - 1
    if not copies.is_meaningful:
        return ("fewer than half of the rows are distinct, so equal rows are not treated as copies",)
    if tied:
        return (f"copies never straddle ({copies.method}): {tied:,} rows copy an earlier one",)
    return ()


def _key_links(alone: NDArray[np.int64], keys: pl.Series) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each row beside the first row that has the same key; rows without a key link to nothing."""
    with_key = alone[keys.is_not_null().to_numpy()]
    codes = keys.drop_nulls().rank("dense").to_numpy().astype(np.int64) - 1
    _, first = np.unique(codes, return_index=True)
    return with_key, with_key[first][codes]


def _largest(units: NDArray[np.int64]) -> int:
    return int(np.bincount(units).max(initial=0)) if len(units) else 0


def held_out(part: NDArray[np.int64], copies: NDArray[np.int64]) -> NDArray[np.bool_]:
    """True for rows whose copies are mostly in another split; on a tie the last split keeps its row.

    Args:
        part: `(n,)` split number of each row.
        copies: `(n,)` group of copies of each row.

    >>> held_out(np.array([0, 0, 2, 1, 2]), np.array([0, 0, 0, 1, 1])).tolist()
    [False, False, True, True, False]
    """
    parts = int(part.max(initial=0)) + 1
    counts = np.bincount(copies * parts + part, minlength=(int(copies.max(initial=-1)) + 1) * parts)
    keeper = parts - 1 - np.argmax(counts.reshape(-1, parts)[:, ::-1], axis=1)
    mask: NDArray[np.bool_] = part != keeper[copies]
    return mask
