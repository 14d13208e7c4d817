"""A table in pieces, counted whole: three passes over its pieces, each on the engine, merged in order.

    1. spellings: how each column is written, which decides its type
    2. rows: faults, labels, personal data, votes; a digest a row into buckets on this disk; buckets counted
       (and the votes of a file of their own, beside the ids of the rows)
    3. sample: the rows that are drawn by seed, for everything that needs rows side by side

Leaves to others: what is counted (`data.partitions`), where it is computed (`engine`), what is made of it.
Always: every row is counted as used or set aside; memory is that of a few pieces and of the sample; the same
files and seed give the same counts and the same sample on every engine.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smallcraft.data.columns import Spelling, typed_columns
from smallcraft.data.load import stacked
from smallcraft.data.partitions.buckets import Buckets, read_parts
from smallcraft.data.partitions.copies import KEY, CopyCount, count_copies, merge_copies, row_keys
from smallcraft.data.partitions.counting import (
    RowTally,
    chunk_spellings,
    count_rows,
    merge_rows,
    spelled_columns,
    type_chunk,
)
from smallcraft.data.partitions.drawing import Drawing, Drawn, draw_rows, plan_drawing
from smallcraft.data.partitions.longvotes import ROW, row_ids
from smallcraft.data.partitions.pieces import Piece
from smallcraft.data.partitions.places import PIECE_BITS
from smallcraft.data.partitions.reading import read_chunks
from smallcraft.data.table import Table, make_table
from smallcraft.engine.engines import Engine
from smallcraft.errors import DataError
from smallcraft.pipeline.partitions.longvotes import RowIds, VotesFile, count_file
from smallcraft.pipeline.partitions.progress import Progress, told
from smallcraft.records import Roles

_MERGED_AT_ONCE = 16


@dataclass(frozen=True)
class Subject:
    """What is scanned.

    Attributes:
        name: The table, for people.
        pieces: Of it.
        roles: Which column plays which part.
        seed: Of everything random.
        keep: More columns that the sample holds, as text.
        votes: A file of votes on the rows, a line a vote; its item is a column of the table too.
    """

    name: str
    pieces: tuple[Piece, ...]
    roles: Roles
    seed: int = 0
    keep: tuple[str, ...] = ()
    votes: VotesFile | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Everything that is read."""
        ids = () if self.votes is None else (self.votes.columns.item,)
        return tuple(dict.fromkeys((*self.roles.named, *self.keep, *ids)))

    @property
    def lists(self) -> frozenset[str]:
        """Columns whose values may be lists."""
        return frozenset({self.roles.label} if self.roles.task == "multilabel" else ())


@dataclass(frozen=True)
class Scan:
    """What a table in pieces holds.

    Attributes:
        tally: Of its rows.
        copies: Exact copies among them.
        sample: The rows that were drawn, in the order of the table.
        is_plain: `(n,)` bool of the sample's rows; False for those that were taken for a rare class.
        places: `(n,)` uint64 of the sample's rows.
    """

    tally: RowTally
    copies: CopyCount
    sample: Table
    is_plain: NDArray[np.bool_]
    places: NDArray[np.uint64]


def scan_table(subject: Subject, engine: Engine, *, most: int, progress: Progress) -> Scan:
    """Count a table, and draw a sample of it.

    Args:
        subject: What.
        engine: Where pieces are read.
        most: Rows of the plain sample.
        progress: Told what is running, and the share of it that is done.

    Raises:
        DataError: A file cannot be read, or lacks a column; or no row can be used.
    """
    spellings = _find_spellings(subject, engine, progress)
    with tempfile.TemporaryDirectory(prefix="smallcraft-") as folder:
        tally, copies = _count_all(subject, spellings, engine, Path(folder), progress)
    drawing = plan_drawing(
        tally.read, tally.labels, most=most, seed=subject.seed, has_classes=subject.roles.task == "multiclass"
    )
    drawn = _draw(subject, spellings, drawing, engine, progress)
    return Scan(tally, copies, *_as_table(subject, drawn, spellings, tally))


def first_rows(read: Mapping[int, int]) -> dict[int, int]:
    """Where the rows of each piece begin among those of the table that could be read.

    Args:
        read: Rows of each piece.

    >>> first_rows({0: 5, 1: 7, 2: 1})
    {0: 0, 1: 5, 2: 12}
    """
    pieces = sorted(read)
    starts = accumulate((read[piece] for piece in pieces), initial=0)
    return dict(zip(pieces, starts, strict=False))


def positions_of(places: NDArray[np.uint64], read: Mapping[int, int]) -> NDArray[np.int64]:
    """`(n,)` int64 positions among the rows of the table that could be read.

    Args:
        places: Of rows.
        read: Rows of each piece.
    """
    starts = first_rows(read)
    offsets = np.zeros(max(starts, default=0) + 1, dtype=np.int64)
    offsets[list(starts)] = list(starts.values())
    pieces = (places >> np.uint64(PIECE_BITS)).astype(np.int64)
    within = (places & np.uint64((1 << PIECE_BITS) - 1)).astype(np.int64)
    found: NDArray[np.int64] = offsets[pieces] + within
    return found


# --- passes ------------------------------------------------------------------------------


def _find_spellings(subject: Subject, engine: Engine, progress: Progress) -> dict[str, Spelling]:
    spelled = spelled_columns(subject.roles)
    total: dict[str, Spelling] = {}
    read = partial(_spell_piece, spelled, subject.roles, subject.lists)
    done = engine.map(read, subject.pieces)
    what = f"reading how columns are written of {subject.name}"
    for found in told(done, progress, what, of=len(subject.pieces)):
        for name, spelling in found.value.items():
            total[name] = total.get(name, Spelling()) + spelling
    return total


def _spell_piece(
    spelled: tuple[str, ...], roles: Roles, lists: frozenset[str], piece: Piece
) -> dict[str, Spelling]:
    total: dict[str, Spelling] = {}
    # Lists are labels, whose spelling is no matter of the whole column.
    wanted = tuple(name for name in spelled if name not in lists)
    for chunk in read_chunks(piece, wanted=wanted) if wanted else ():
        for name, spelling in chunk_spellings(chunk.raw.frame, roles).items():
            total[name] = total.get(name, Spelling()) + spelling
    return total


def _count_all(
    subject: Subject, spellings: Mapping[str, Spelling], engine: Engine, folder: Path, progress: Progress
) -> tuple[RowTally, CopyCount]:
    """Counts of all rows, and of what has to be sorted on disk before it is counted."""
    copies, ids = Buckets(folder / "copies", KEY), Buckets(folder / "ids", ROW)
    tally = _count(subject, spellings, engine, (copies, ids), progress)
    if not tally.kept:
        raise DataError(
            f"{subject.name}: all {tally.came:,} rows are bad, none is left; look at the first few"
        )
    progress("looking for copies", 0.0)
    found = [done.value for done in engine.map(_copies_of, read_parts(copies))]
    if subject.votes is not None:
        rows = RowIds(ids, subject.pieces)
        votes = count_file(
            subject.votes, rows, engine, folder / "votes", seed=subject.seed, progress=progress
        )
        tally = replace(tally, votes=replace(votes, rows=tally.kept))
    return tally, merge_copies(found)


def _copies_of(part: tuple[NDArray[np.void], ...]) -> CopyCount:
    return count_copies(*part)


def _count(
    subject: Subject,
    spellings: Mapping[str, Spelling],
    engine: Engine,
    buckets: tuple[Buckets, Buckets],
    progress: Progress,
) -> RowTally:
    tallies: list[RowTally] = []
    count = partial(_count_piece, subject, spellings)
    done = engine.map(count, subject.pieces)
    for counted in told(done, progress, f"counting rows of {subject.name}", of=len(subject.pieces)):
        tally, *keys = counted.value
        tallies.append(tally)
        for bucket, some in zip(buckets, keys, strict=True):
            bucket.add(some)
        if len(tallies) == _MERGED_AT_ONCE:
            tallies = [merge_rows(tallies)]
    return merge_rows(tallies)


def _count_piece(
    subject: Subject, spellings: Mapping[str, Spelling], piece: Piece
) -> tuple[RowTally, NDArray[np.void], NDArray[np.void]]:
    tallies, keys, ids = [], [np.empty(0, dtype=KEY)], [np.empty(0, dtype=ROW)]
    for chunk in read_chunks(piece, wanted=subject.columns, lists=subject.lists):
        typed = type_chunk(chunk, subject.roles, spellings)
        tallies.append(count_rows(chunk, typed, subject.roles, seed=subject.seed))
        keys.append(row_keys(typed.frame, subject.roles, typed.places))
        if subject.votes is not None:
            named = chunk.raw.frame[subject.votes.columns.item]
            ids.append(row_ids(named.gather(typed.rows), typed.places))
    return merge_rows(tallies), np.concatenate(keys), np.concatenate(ids)


def _draw(
    subject: Subject,
    spellings: Mapping[str, Spelling],
    drawing: Drawing,
    engine: Engine,
    progress: Progress,
) -> list[Drawn]:
    draw = partial(_draw_piece, subject, spellings, drawing)
    done = engine.map(draw, subject.pieces)
    what = f"drawing a sample of {subject.name}"
    return [one for drawn in told(done, progress, what, of=len(subject.pieces)) for one in drawn.value]


def _draw_piece(
    subject: Subject, spellings: Mapping[str, Spelling], drawing: Drawing, piece: Piece
) -> list[Drawn]:
    found = []
    for chunk in read_chunks(piece, wanted=subject.columns, lists=subject.lists):
        typed = type_chunk(chunk, subject.roles, spellings)
        found.append(draw_rows(chunk.raw.frame, typed, subject.roles, drawing))
    return found


def _as_table(
    subject: Subject, drawn: Sequence[Drawn], spellings: Mapping[str, Spelling], tally: RowTally
) -> tuple[Table, NDArray[np.bool_], NDArray[np.uint64]]:
    """The sample as a table of its own."""
    places = np.concatenate([part.places for part in drawn])
    is_plain = np.concatenate([part.is_plain for part in drawn])
    raw = stacked([part.frame for part in drawn if part.frame.height])
    frame = typed_columns(raw, subject.roles, spellings).frame
    table = make_table(
        frame,
        subject.roles,
        source=subject.name,
        rows_quarantined=tally.came - tally.kept,
        positions=positions_of(places, tally.read),
    )
    left_out = tally.kept - frame.height
    return replace(table, rows_read=tally.came, rows_left_out=left_out), is_plain, places
