"""A table of which a sample is held: what was counted of all its rows, and what the sample says beside it.

    location -> pieces -> more rows than fit? -> scan -> sample as the table, counts of the whole beside it

Leaves to others: counting and drawing (`partitions.scan`), everything that is done with the sample.
Always: what is told of all rows was counted over all rows; what comes from the sample says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smallcraft.canonical import digest_file, digest_value
from smallcraft.data.badrows import refuse_bad_rows, write_quarantine
from smallcraft.data.inspect import Guess, inspect_file, inspect_source
from smallcraft.data.load import Source
from smallcraft.data.partitions.copies import CopyCount
from smallcraft.data.partitions.counting import RowTally
from smallcraft.data.partitions.pieces import Piece, find_pieces, locate_row
from smallcraft.data.partitions.reading import read_chunks
from smallcraft.data.partitions.verdicts import (
    copies_result,
    integrity_result,
    personal_result,
    row_count_result,
    votes_result,
)
from smallcraft.data.table import Table
from smallcraft.data.wording import WHOLE
from smallcraft.engine.engines import Engine
from smallcraft.pipeline.partitions.progress import Progress
from smallcraft.pipeline.partitions.scan import Subject, scan_table
from smallcraft.pipeline.partitions.size import estimate_rows
from smallcraft.records import CheckResult, Roles


@dataclass(frozen=True)
class Whole:
    """What was counted of all rows.

    Attributes:
        pieces: Of the table.
        roles: Which column plays which part.
        tally: Of its rows.
        copies: Exact copies among them.
        content: Digest of the files, whatever their order: a sealed test set is metered under it.
        seed: Of the sample.
        sampled: Rows of the sample.
    """

    pieces: tuple[Piece, ...]
    roles: Roles
    tally: RowTally
    copies: CopyCount
    content: str
    seed: int
    sampled: int

    @property
    def note(self) -> str:
        """What is held, in a sentence."""
        return (
            f"{self.tally.kept:,} rows were counted, in {len(self.pieces):,} pieces; {self.sampled:,} of "
            f"them, drawn by seed {self.seed}, are held: what needs rows side by side is told of those"
        )


@dataclass(frozen=True)
class Large:
    """A sample as a table, and the whole beside it.

    Attributes:
        table: The sample.
        is_plain: `(n,)` bool; False for rows that were taken for a rare class and are no plain sample.
        whole: Of all rows.
    """

    table: Table
    is_plain: NDArray[np.bool_]
    whole: Whole


def large_pieces(location: str | Path, *, most: int) -> tuple[Piece, ...]:
    """The pieces of a table that has more rows than may be held; none for one that is read at once.

    Args:
        location: A file, a folder, a glob, or an address of an object store.
        most: Rows that may be held.

    Raises:
        DataError: Nothing is there.
    """
    pieces = tuple(find_pieces(location))
    is_stored = any(piece.stored is not None for piece in pieces)
    return pieces if is_stored or estimate_rows(pieces) > most else ()


def inspect_table(
    location: str | Path,
    pieces: Sequence[Piece],
    *,
    label: str | None = None,
    text: str | None = None,
) -> Guess:
    """Look at a table and guess its roles and metric; of one that is too large to be held, at its first rows.

    Args:
        location: As `data.inspect.inspect_file` has it.
        pieces: Of `large_pieces`.
        label: The label column, where the user knows it.
        text: The text column, where the user knows it.

    Raises:
        DataError: The table cannot be read, or no column is clearly the label.
    """
    if not pieces:
        return inspect_file(location, label=label, text=text)
    raw = next(read_chunks(pieces[0], wanted=None, lists=None)).raw
    return inspect_source(Source(raw.name, (raw,), raw.frame), label=label, text=text)


def read_large(
    subject: Subject,
    engine: Engine,
    *,
    most: int,
    progress: Progress,
    quarantine: Path | None = None,
) -> Large:
    """Count a table, and hold a sample of it.

    Args:
        subject: What.
        engine: Where pieces are read.
        most: Rows of the plain sample.
        progress: Told what is running.
        quarantine: Where the first rows that cannot be used are written; None refuses the table instead.

    Raises:
        DataError: A row cannot be used and there is no quarantine, or the table cannot be read.
    """
    scan = scan_table(subject, engine, most=most, progress=progress)
    aside = scan.tally.came - scan.tally.kept
    if quarantine is None:
        refuse_bad_rows(scan.tally.bad[:1], others=aside - 1)
    elif aside:
        write_quarantine(scan.tally.bad, quarantine)
    whole = Whole(
        subject.pieces,
        subject.roles,
        scan.tally,
        scan.copies,
        content_of(subject.pieces, engine),
        subject.seed,
        scan.sample.frame.height,
    )
    return Large(scan.sample, scan.is_plain, whole)


def content_of(pieces: Sequence[Piece], engine: Engine) -> str:
    """Digest of the files of pieces, in whatever order: of their bytes, and of objects by their tags.

    Args:
        pieces: Of one table.
        engine: Where files are read.
    """
    paths = sorted({piece.path for piece in pieces if piece.path is not None})
    found = [done.value for done in engine.map(digest_file, paths)]
    stored = [[one.stored.size_bytes, one.stored.tag] for one in pieces if one.stored is not None]
    return digest_value({"files": sorted(found), "objects": sorted(stored)})


def whole_results(
    whole: Whole, of_sample: Sequence[CheckResult], *, confidence: float
) -> tuple[CheckResult, ...]:
    """Results of checks: counts of all rows where there are some, and what the sample shows beside them.

    Args:
        whole: Of all rows.
        of_sample: Results of the same checks, made on the sample, and others.
        confidence: Of intervals.
    """
    near = next((one.numbers.get(f"near_{WHOLE}") for one in of_sample if one.check == "duplicates"), None)
    near_share = None if near is None else near / whole.sampled
    counted = {
        "row_counts": row_count_result(whole.tally, whole.roles),
        "integrity": integrity_result(whole.tally, whole.roles),
        "personal_data": personal_result(whole.tally),
        "duplicates": copies_result(
            whole.copies, whole.roles, near_share=near_share, locate=lambda at: locate_row(whole.pieces, at)
        ),
    }
    votes = whole.tally.votes
    more = () if votes is None else (votes_result(votes, level=confidence, seed=whole.seed),)
    told = [_beside(counted.get(result.check), result) for result in of_sample]
    return (*told, *more)


def _beside(whole: CheckResult | None, sample: CheckResult) -> CheckResult:
    """What was counted of all rows; the sample's numbers beside it, under names that say so."""
    if whole is None:
        return sample
    numbers: Mapping[str, float | int | None] = {
        **whole.numbers,
        **{f"{name}_of_sample": value for name, value in sample.numbers.items()},
    }
    rest = tuple(one for one in sample.findings if one.kind not in {found.kind for found in whole.findings})
    return replace(whole, numbers=numbers, findings=(*whole.findings, *rest), flagged=sample.flagged)
