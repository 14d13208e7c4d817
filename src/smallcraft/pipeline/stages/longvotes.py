"""A file with a line a vote: item, annotator, label.

What votes are belongs to `data.votes`; setting them beside the rows of a table to `stages.quality`.
Always: the item's column has one name in both files, so that votes find their rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from smallcraft.data.load import read_source
from smallcraft.data.votes import Votes, guess_long_columns, votes_from_long


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


def read_long_votes(path: Path) -> LongVotes:
    """Read a file with a line a vote.

    Raises:
        DataError: It cannot be read, or its columns cannot be told.
    """
    frame = read_source(path, None).frame
    columns = guess_long_columns(frame, source=str(path))
    votes = votes_from_long(
        frame, item=columns.item, annotator=columns.annotator, label=columns.label, source=str(path)
    )
    return LongVotes(votes, columns.item, str(path))
