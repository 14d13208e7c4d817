"""A file of votes, a line a vote, that no memory holds: counted whole, and read for the rows that are held.

    count: lines -> buckets by item, beside the ids of all rows -> votes of each item -> one tally
    read:  lines -> those about rows that are held (or of items that a seed draws) -> votes in memory

Leaves to others: what is counted (`data.partitions.longvotes`), where it is computed (`engine`).
Always: each line is counted once, left out with its reason, or refused; the same files and seed give the same
tally and the same votes on every engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.badrows import place, refuse_bad_rows
from smallcraft.data.load import read_source
from smallcraft.data.partitions.buckets import Buckets, read_parts
from smallcraft.data.partitions.longvotes import (
    LINE,
    Names,
    VoteCount,
    VoteLines,
    count_votes,
    item_digests,
    merge_counts,
    vote_lines,
)
from smallcraft.data.partitions.pieces import Piece, find_pieces, locate_row
from smallcraft.data.partitions.places import PIECE_BITS, numbers_of, places_of
from smallcraft.data.partitions.reading import read_chunks
from smallcraft.data.partitions.votes import VoteTally
from smallcraft.data.votes import LongColumns, guess_long_columns, trimmed
from smallcraft.engine.engines import Engine
from smallcraft.errors import DataError
from smallcraft.pipeline.partitions.progress import Progress, told
from smallcraft.pipeline.partitions.size import estimate_rows

_MERGED_AT_ONCE = 16


@dataclass(frozen=True)
class VotesFile:
    """Votes with a line each, not read yet.

    Attributes:
        source: Their file, folder, glob or address.
        pieces: Of it.
        columns: Which are which.
    """

    source: str
    pieces: tuple[Piece, ...]
    columns: LongColumns

    def is_larger_than(self, most: int) -> bool:
        """Whether there are more lines than may be held, or they are in an object store."""
        is_stored = any(piece.stored is not None for piece in self.pieces)
        return is_stored or estimate_rows(self.pieces) > most


def open_votes(location: str | Path) -> VotesFile:
    """Look at a file of votes.

    Args:
        location: A file, a folder, a glob, or an address of an object store.

    Raises:
        DataError: Nothing is there, or its columns cannot be told.
    """
    pieces = tuple(find_pieces(location))
    first = next(read_chunks(pieces[0], wanted=None), None)
    frame = read_source(location, None).frame if first is None else first.raw.frame
    return VotesFile(str(location), pieces, guess_long_columns(frame, source=str(location)))


@dataclass(frozen=True)
class RowIds:
    """The ids of all rows of a table.

    Attributes:
        buckets: Of `longvotes.ROW`.
        pieces: Of the table.
    """

    buckets: Buckets
    pieces: Sequence[Piece]


# --- counting ----------------------------------------------------------------------------


def count_file(
    file: VotesFile, rows: RowIds | None, engine: Engine, folder: Path, *, seed: int, progress: Progress
) -> VoteTally:
    """Count all votes of a file.

    Args:
        file: Which.
        rows: What they may be about; None for votes without rows.
        engine: Where pieces are read.
        folder: Of this disk, for what is in between.
        seed: Deals items into blocks.
        progress: Told what is running.

    Raises:
        DataError: A line cannot be read; an annotator gave one item two labels; two rows share an id; or
            there is no vote, or none about a row.
    """
    annotators, labels = Names(), Names()
    lines = Buckets(folder, LINE)
    read = engine.map(partial(_lines_of_piece, file.columns), file.pieces)
    for done in told(read, progress, f"reading {file.source}", of=len(file.pieces)):
        for some in done.value:
            lines.add(_renumbered(some, annotators, labels))
    if not labels.known:
        raise DataError(f"column '{file.columns.label}' of {file.source} must hold votes, got only blanks")
    progress(f"counting votes of {file.source}", 0.0)
    count = partial(_count_part, annotators.known, labels.known, seed)
    parts: list[VoteCount] = []
    for counted in engine.map(count, read_parts(*((lines,) if rows is None else (lines, rows.buckets)))):
        parts.append(counted.value)
        if len(parts) == _MERGED_AT_ONCE:
            parts = [merge_counts(parts)]
    found = merge_counts(parts)
    _refuse_clash(found, file)
    if rows is not None and found.twins is not None:
        later, before = (locate_row(rows.pieces, at) for at in found.twins)
        raise DataError(
            f"column '{file.columns.item}' must name each row once so that votes find their rows, got one "
            f"name in {before} and in {later}; remove the copies or use another id"
        )
    if not found.tally.votes:
        raise DataError(
            f"no vote of {file.source} has a row: its '{file.columns.item}' names no row's; use the same ids "
            "in both"
        )
    return found.tally


def _lines_of_piece(columns: LongColumns, piece: Piece) -> list[VoteLines]:
    found = []
    for chunk in read_chunks(piece, wanted=columns.names):
        refuse_bad_rows(chunk.raw.broken)
        places = places_of(piece.number, chunk.first_row, chunk.raw.frame.height)
        found.append(vote_lines(chunk, columns, places))
    return found


def _renumbered(lines: VoteLines, annotators: Names, labels: Names) -> NDArray[np.void]:
    """Keys whose annotators and labels are numbered over all pieces."""
    keys = lines.keys.copy()
    keys["who"] = annotators.numbers_of(lines.annotators)[keys["who"]]
    keys["label"] = labels.numbers_of(lines.labels)[keys["label"]]
    return keys


def _count_part(
    annotators: Sequence[str], labels: Sequence[str], seed: int, part: tuple[NDArray[np.void], ...]
) -> VoteCount:
    lines, rows = (*part, None)[:2]
    assert lines is not None
    return count_votes(rows, lines, annotators=annotators, labels=labels, seed=seed)


def _refuse_clash(found: VoteCount, file: VotesFile) -> None:
    if found.clash is None:
        return
    later, before = (_line_at(file, at) for at in found.clash)
    raise DataError(
        f"{later[0]}: annotator {later[1]['annotator']!r} gave item {later[1]['item']!r} two labels, "
        f"{before[1]['label']!r} before and {later[1]['label']!r} ({found.clashes:,} such votes); keep one"
    )


def _line_at(file: VotesFile, at: int) -> tuple[str, dict[str, str]]:
    """Where a line stands, for people, and what it says."""
    columns = file.columns
    piece, row = file.pieces[at >> PIECE_BITS], at & ((1 << PIECE_BITS) - 1)
    for chunk in read_chunks(piece, wanted=columns.names):
        within = row - chunk.first_row
        if within < chunk.raw.frame.height:
            said = {
                part: str(trimmed(chunk.raw.frame[name][within : within + 1])[0])
                for part, name in vars(columns).items()
            }
            return place(chunk.raw.name, chunk.raw.line_of(within), chunk.row_in_file(within)), said
    raise AssertionError("a line that was counted is in its piece")


# --- reading -----------------------------------------------------------------------------


class _Wanted(Protocol):
    """Which lines are read."""

    def __call__(self, items: pl.Series) -> NDArray[np.bool_]:
        """`(n,)` bool, by the item of each line."""


@dataclass(frozen=True)
class _AboutRows:
    """Lines about rows.

    Attributes:
        highs: `(n,)` uint64 of their ids' digests, ascending.
    """

    highs: NDArray[np.uint64]

    def __call__(self, items: pl.Series) -> NDArray[np.bool_]:
        """Whether some row may have the id of each."""
        wanted = item_digests(items)["high"]
        at = np.minimum(np.searchsorted(self.highs, wanted), len(self.highs) - 1)
        found: NDArray[np.bool_] = self.highs[at] == wanted
        return found


@dataclass(frozen=True)
class _Drawn:
    """Lines of items that a seed draws.

    Attributes:
        below: An item is drawn when its number is at most this.
        seed: Of the numbers.
    """

    below: int
    seed: int

    def __call__(self, items: pl.Series) -> NDArray[np.bool_]:
        """Whether each is drawn."""
        numbers = numbers_of(item_digests(items)["high"], seed=self.seed, use="items")
        found: NDArray[np.bool_] = numbers <= np.uint64(self.below)
        return found


@dataclass(frozen=True)
class ReadLines:
    """Lines that were read.

    Attributes:
        frame: Item, annotator and label, as text.
        left_out: Votes that were not wanted.
    """

    frame: pl.DataFrame
    left_out: int


def read_about(file: VotesFile, ids: Sequence[pl.Series], engine: Engine, *, progress: Progress) -> ReadLines:
    """The lines about some rows.

    Args:
        file: Which.
        ids: Of the rows.
        engine: Where pieces are read.
        progress: Told how far it is.

    Raises:
        DataError: A line cannot be read, or none is about these rows.
    """
    text = pl.concat([trimmed(one).rename("") for one in ids]).drop_nulls()
    highs = np.unique(item_digests(text)["high"])
    found = _read(file, _AboutRows(highs), engine, progress) if len(highs) else None
    if found is None or found.frame.is_empty():
        raise DataError(
            f"no vote of {file.source} is about a row that is held; its '{file.columns.item}' must name rows "
            f"by what they have in '{file.columns.item}'"
        )
    return found


def read_drawn(file: VotesFile, engine: Engine, *, most: int, seed: int, progress: Progress) -> ReadLines:
    """The lines of items that a seed draws, about as many lines as may be held.

    Args:
        file: Which.
        engine: Where pieces are read.
        most: Lines.
        seed: Of the drawing.
        progress: Told how far it is.
    """
    share = min(1.0, most / max(estimate_rows(file.pieces), 1))
    return _read(file, _Drawn(min(int(share * 2**64), 2**64 - 1), seed), engine, progress)


def _read(file: VotesFile, wanted: _Wanted, engine: Engine, progress: Progress) -> ReadLines:
    read = engine.map_with((file.columns, wanted), _read_piece, file.pieces)
    parts = [done.value for done in told(read, progress, f"reading {file.source}", of=len(file.pieces))]
    return ReadLines(pl.concat([part.frame for part in parts]), sum(part.left_out for part in parts))


def _read_piece(shared: tuple[LongColumns, _Wanted], piece: Piece) -> ReadLines:
    columns, wanted = shared
    found, left_out = [pl.DataFrame(schema=dict.fromkeys(columns.names, pl.String))], 0
    for chunk in read_chunks(piece, wanted=columns.names):
        refuse_bad_rows(chunk.raw.broken)
        text = chunk.raw.frame.select(trimmed(chunk.raw.frame[name]).alias(name) for name in columns.names)
        is_vote = pl.col(columns.item).is_not_null() & pl.col(columns.label).is_not_null()
        votes = text.filter(is_vote)
        found.append(votes.filter(pl.Series(wanted(votes[columns.item]))))
        left_out += votes.height - found[-1].height
    return ReadLines(pl.concat(found), left_out)
