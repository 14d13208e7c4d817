"""A file with a line a vote, as the votes of the rows that are held.

Opening, counting and reading it in pieces belong to `pipeline.partitions.longvotes`; what votes are to
`data.votes`; setting them beside the rows of a table to `stages.quality`.
Always: the item's column has one name in both files, so that votes find their rows; a file with more lines
than may be held is read for the rows alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from smallcraft.data.badrows import refuse_bad_rows
from smallcraft.data.load import read_source
from smallcraft.data.votes import Votes, votes_from_long
from smallcraft.engine.engines import Engine
from smallcraft.pipeline.partitions.longvotes import VotesFile, read_about, read_drawn
from smallcraft.pipeline.partitions.progress import Progress


@dataclass(frozen=True)
class LongVotes:
    """A long file of votes.

    Attributes:
        votes: By item id.
        item: Name of the column that holds the id; the data has a column of that name too.
        source: Where it came from.
    """

    votes: Votes
    item: str
    source: str


def votes_for_rows(
    file: VotesFile,
    ids: Sequence[pl.Series],
    engine: Engine,
    *,
    most: int,
    is_sample: bool = False,
    progress: Progress,
) -> LongVotes:
    """The votes of a file, for rows that are held.

    Args:
        file: Which.
        ids: Of the rows.
        engine: Where pieces of it are read, if it is.
        most: Lines that may be held.
        is_sample: Whether the rows are a sample, so that most votes are about others.
        progress: Told how far it is.

    Raises:
        DataError: It cannot be read, or a vote cannot be used.
    """
    if is_sample or file.is_larger_than(most):
        read = read_about(file, ids, engine, progress=progress)
        votes = _votes(file, read.frame)
        if read.left_out and not is_sample:
            note = (
                f"{read.left_out:,} votes of {file.source} are left out: they are about no row that is held"
            )
            votes = replace(votes, notes=(note, *votes.notes))
        return LongVotes(votes, file.columns.item, file.source)
    return LongVotes(all_votes(file), file.columns.item, file.source)


def all_votes(file: VotesFile) -> Votes:
    """Every vote of a file, in memory.

    Args:
        file: Which.

    Raises:
        DataError: It cannot be read, or a vote cannot be used.
    """
    source = read_source(file.source, file.columns.names)
    refuse_bad_rows(source.broken)
    return _votes(file, source.frame)


def drawn_votes(file: VotesFile, engine: Engine, *, most: int, seed: int, progress: Progress) -> Votes:
    """The votes of items that a seed draws, as many as may be held.

    Args:
        file: Which.
        engine: Where pieces are read.
        most: Lines.
        seed: Of the drawing.
        progress: Told how far it is.

    Raises:
        DataError: It cannot be read, or a vote cannot be used.
    """
    return _votes(file, read_drawn(file, engine, most=most, seed=seed, progress=progress).frame)


def _votes(file: VotesFile, frame: pl.DataFrame) -> Votes:
    columns = file.columns
    return votes_from_long(
        frame, item=columns.item, annotator=columns.annotator, label=columns.label, source=file.source
    )
