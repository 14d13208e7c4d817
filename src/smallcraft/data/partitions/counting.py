"""What rows of a table can say by themselves, counted chunk by chunk: faults, labels, personal data, votes.

    raw chunk -> typed by the whole table's spellings -> rows that cannot be used, set aside -> tallies

Leaves to others: what is said of the counts (`partitions.verdicts`), copies (`partitions.copies`).
Always: a row is set aside, or counted, as reading the whole table at once would have done; what is kept of
examples is the first of them, in the order of the table.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.badrows import BadRow
from smallcraft.data.checks.integrity import row_faults
from smallcraft.data.checks.personal_data import personal_hits
from smallcraft.data.columns import Fault, Spelling, spelling_of, typed_columns
from smallcraft.data.partitions.places import numbers_of, places_of
from smallcraft.data.partitions.reading import Chunk
from smallcraft.data.partitions.votes import VoteTally, merge_votes, tally_votes
from smallcraft.data.rawfile import RawFile
from smallcraft.data.targets import label_counts
from smallcraft.data.wording import WHOLE
from smallcraft.records import Roles
from smallcraft.stats.agreement import BLOCKS

Key = TypeVar("Key")
MOST_BAD_ROWS = 1_000
_MOST_EXAMPLES = 20


@dataclass(frozen=True)
class Example:
    """A row that something was found in.

    Attributes:
        kind: What, as the checks name it.
        column: Where.
        file: Of the row.
        line: 1-based line in the file; None where it has none.
        row: 1-based row of the file; None where its line has to do.
        shown: The value, masked; empty where that says nothing.
    """

    kind: str
    column: str
    file: str
    line: int | None
    row: int | None
    shown: str = ""


@dataclass(frozen=True)
class Seen:
    """The values of a feature, as far as it matters whether there are two.

    Attributes:
        first: The first one, as text; None where there is none.
        has_others: Whether another one came.
    """

    first: str | None = None
    has_others: bool = False

    def __add__(self, other: Seen) -> Seen:
        first = other.first if self.first is None else self.first
        differ = other.first is not None and other.first != first
        return Seen(first, self.has_others or other.has_others or differ)


@dataclass(frozen=True)
class RowTally:
    """What was counted.

    Attributes:
        read: Rows that could be read, by piece.
        broken: Records that could not.
        set_aside: Rows that were read and cannot be used.
        labels: Rows by label.
        faults: Rows by kind of fault, of rows that can be used.
        failing: Rows with a fault of any kind.
        personal: Rows by kind of personal data.
        personal_rows: Rows with any.
        features: Whether a feature has more than one value.
        votes: None where there are no votes.
        bad: The first rows that cannot be used.
        examples: The first rows of each kind of fault and of personal data.
    """

    read: Mapping[int, int] = field(default_factory=Counter)
    broken: int = 0
    set_aside: int = 0
    labels: Mapping[str, int] = field(default_factory=Counter)
    faults: Mapping[str, int] = field(default_factory=Counter)
    failing: int = 0
    personal: Mapping[str, int] = field(default_factory=Counter)
    personal_rows: int = 0
    features: Mapping[str, Seen] = field(default_factory=dict)
    votes: VoteTally | None = None
    bad: tuple[BadRow, ...] = ()
    examples: tuple[Example, ...] = ()

    @property
    def came(self) -> int:
        """All rows and records, good and bad."""
        return sum(self.read.values()) + self.broken

    @property
    def kept(self) -> int:
        """Rows that can be used."""
        return sum(self.read.values()) - self.set_aside


@dataclass(frozen=True)
class Typed:
    """Rows of a chunk that can be used, and where they stand.

    Attributes:
        frame: Typed columns.
        rows: `(n,)` int64 positions in the chunk.
        places: `(n,)` uint64 of `partitions.places`.
        faults: Of the rows that cannot be used.
    """

    frame: pl.DataFrame
    rows: NDArray[np.int64]
    places: NDArray[np.uint64]
    faults: tuple[Fault, ...]


def chunk_spellings(frame: pl.DataFrame, roles: Roles) -> dict[str, Spelling]:
    """How the columns of a chunk are written, but for the text, whose type is known.

    Args:
        frame: As it was read.
        roles: Which column plays which part.
    """
    return {name: spelling_of(frame[name]) for name in frame.columns if name in spelled_columns(roles)}


def spelled_columns(roles: Roles) -> tuple[str, ...]:
    """Columns whose type the whole table decides."""
    names = (*roles.features, roles.label, *roles.votes, *roles.groups, *((roles.key,) if roles.key else ()))
    return tuple(dict.fromkeys(names))


def type_chunk(chunk: Chunk, roles: Roles, spellings: Mapping[str, Spelling]) -> Typed:
    """Type a chunk, and set rows aside that cannot be used.

    Args:
        chunk: As it was read.
        roles: Which column plays which part.
        spellings: Of the whole table.
    """
    typed = typed_columns(chunk.raw.frame, roles, spellings)
    bad = sorted({fault.row for fault in typed.faults})
    rows = np.delete(np.arange(typed.frame.height, dtype=np.int64), bad)
    places = places_of(chunk.piece, chunk.first_row, typed.frame.height)
    frame = typed.frame[rows] if bad else typed.frame
    return Typed(frame, rows, places[rows], typed.faults)


def count_rows(chunk: Chunk, typed: Typed, roles: Roles, *, seed: int) -> RowTally:
    """Count what the rows of a chunk say.

    Args:
        chunk: As it was read.
        typed: The same, typed.
        roles: Which column plays which part.
        seed: Deals rows with votes into blocks.
    """
    frame, raw = typed.frame, chunk.raw
    faults: Counter[str] = Counter()
    examples: list[Example] = []
    failing = np.zeros(frame.height, dtype=np.bool_)
    for kind, column, is_bad in row_faults(frame, roles):
        faults[kind] += int(is_bad.sum())
        failing |= is_bad
        found = np.flatnonzero(is_bad)[:_MOST_EXAMPLES].tolist()
        examples += [_example(kind, column, raw, chunk, int(typed.rows[row])) for row in found]
    personal: dict[tuple[str, int], Example] = {}
    for hit in personal_hits(WHOLE, frame, roles):
        at = (hit.kind, hit.row)
        if at not in personal:
            personal[at] = _example(
                hit.kind, hit.column, raw, chunk, int(typed.rows[hit.row]), shown=hit.masked
            )
    blocks = numbers_of(typed.places, seed=seed, use="votes") % np.uint64(BLOCKS)
    votes = tally_votes(frame, roles.votes, blocks.astype(np.int64)) if roles.votes and frame.height else None
    return RowTally(
        read=Counter({chunk.piece: raw.frame.height}),
        broken=len(raw.broken),
        set_aside=raw.frame.height - frame.height,
        labels=Counter(label_counts(frame[roles.label], roles)) if roles.task != "regression" else Counter(),
        faults=faults,
        failing=int(failing.sum()),
        personal=Counter(kind for kind, _ in personal),
        personal_rows=len({row for _, row in personal}),
        features={name: _seen(frame[name]) for name in roles.features},
        votes=votes,
        bad=tuple([*raw.broken, *_bad_rows(chunk, typed.faults)][:MOST_BAD_ROWS]),
        examples=_first_of_each([*examples, *personal.values()]),
    )


def merge_rows(parts: Sequence[RowTally]) -> RowTally:
    """Counts of all their rows; parts in the order of the table."""
    votes = [part.votes for part in parts if part.votes is not None]
    names = dict.fromkeys(name for part in parts for name in part.features)
    return RowTally(
        read=_added(part.read for part in parts),
        broken=sum(part.broken for part in parts),
        set_aside=sum(part.set_aside for part in parts),
        labels=_added(part.labels for part in parts),
        faults=_added(part.faults for part in parts),
        failing=sum(part.failing for part in parts),
        personal=_added(part.personal for part in parts),
        personal_rows=sum(part.personal_rows for part in parts),
        features={
            name: sum((part.features[name] for part in parts if name in part.features), Seen())
            for name in names
        },
        votes=merge_votes(votes) if votes else None,
        bad=tuple(row for part in parts for row in part.bad)[:MOST_BAD_ROWS],
        examples=_first_of_each(one for part in parts for one in part.examples),
    )


def _added(counts: Iterable[Mapping[Key, int]]) -> Counter[Key]:
    total: Counter[Key] = Counter()
    for each in counts:
        total.update(each)
    return total


def _first_of_each(examples: Iterable[Example]) -> tuple[Example, ...]:
    """At most so many of each kind, in order."""
    kept: Counter[str] = Counter()
    found = []
    for example in examples:
        if kept[example.kind] < _MOST_EXAMPLES:
            kept[example.kind] += 1
            found.append(example)
    return tuple(found)


def _seen(values: pl.Series) -> Seen:
    there = values.drop_nulls()
    if not len(there):
        return Seen()
    return Seen(str(there[0]), bool((there != there[0]).any()))


def _example(kind: str, column: str, raw: RawFile, chunk: Chunk, row: int, *, shown: str = "") -> Example:
    return Example(kind, column, raw.name, raw.line_of(row), chunk.row_in_file(row), shown)


def _bad_rows(chunk: Chunk, faults: Sequence[Fault]) -> list[BadRow]:
    raw = chunk.raw
    return [
        BadRow(
            raw.name,
            raw.line_of(fault.row),
            chunk.row_in_file(fault.row),
            fault.column,
            fault.value,
            fault.reason,
            fault.remedy,
            json.dumps(raw.frame.row(fault.row, named=True), ensure_ascii=False, default=str),
        )
        for fault in faults[:MOST_BAD_ROWS]
    ]
