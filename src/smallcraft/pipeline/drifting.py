"""`smallcraft drift REFERENCE CURRENT`: two tables read piece by piece, typed alike, compared.

A column is one of numbers where every value that is there reads as one, on both sides; else its values are
categories, and a column of long different texts is left to `watch`, which knows words and meaning.
Leaves to others: what drift is (`observe.comparing`), where pieces are read (`engine`).
Always: no file is changed; the order of rows does not matter; memory is that of a few pieces, however large
the tables are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from smallcraft.canonical import plain
from smallcraft.data.badrows import refuse_bad_rows
from smallcraft.data.partitions.pieces import Piece, find_pieces
from smallcraft.data.partitions.reading import read_chunks
from smallcraft.data.table import require_columns
from smallcraft.engine.engines import Engine, shared_engine
from smallcraft.errors import DataError
from smallcraft.observe.comparing import TOLERANCE_SD, Drift, compare
from smallcraft.observe.tallies import Tally, merge_tallies, tally_frame, to_read_again, typed_profiles
from smallcraft.records import Outcome

Progress = Callable[[str, float], None]
_MERGED_AT_ONCE = 16


def no_progress(step: str, share: float) -> None:
    """Reports nothing."""


@dataclass(frozen=True)
class DriftAnswer:
    """What two files said.

    Attributes:
        reference: As it was named.
        current: As it was named.
        drift: The comparison.
        free_texts: Columns that were left out, since nearly every value is another one.
    """

    reference: str
    current: str
    drift: Drift
    free_texts: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0 for none, 2 for drift, 3 where the rows are too few to tell."""
        return {Outcome.PASS: 0, Outcome.FAIL: 2, Outcome.UNDECIDED: 3}[self.drift.outcome]

    def as_json(self) -> dict[str, Any]:
        """For scripts; its schema is `docs/schemas/drift.json`."""
        told: dict[str, Any] = plain(self.drift)
        return {
            "reference": self.reference,
            "current": self.current,
            **told,
            "drifted": list(self.drift.drifted),
            "free_texts": list(self.free_texts),
        }


def compare_files(
    reference: str | Path,
    current: str | Path,
    *,
    columns: Sequence[str] | None = None,
    tolerance_sd: float = TOLERANCE_SD,
    metric: str | None = None,
    threshold: float | None = None,
    engine: Engine | None = None,
    progress: Progress = no_progress,
) -> DriftAnswer:
    """Compare two tables.

    Args:
        reference: What was: a file, a folder, a glob, or an address of an object store.
        current: What is.
        columns: Which ones; None is all.
        tolerance_sd: Shifts up to it do not matter, in standard deviations.
        metric: Of a plain rule; None for the verdict.
        threshold: Of the plain rule.
        engine: Where pieces are read; None for this machine.
        progress: Told what is running, and the share of it that is done.

    Raises:
        DataError: A file cannot be read, has no rows, or lacks a column.
        InvalidInputError: A setting cannot be used.
    """
    wanted = None if columns is None else tuple(columns)
    pieces = [find_pieces(location) for location in (reference, current)]
    engine = shared_engine() if engine is None else engine
    names = str(reference), str(current)
    read = [
        _tally_pieces(engine, each, wanted, name=name, progress=progress)
        for each, name in zip(pieces, names, strict=True)
    ]
    again = [to_read_again(read[0], read[1]), to_read_again(read[1], read[0])]
    tallies = [
        _with_text(engine, tally, each, texts, name=name, progress=progress)
        for tally, each, texts, name in zip(read, pieces, again, names, strict=True)
    ]
    drift, free = _compared(*tallies, tolerance_sd=tolerance_sd, metric=metric, threshold=threshold)
    return DriftAnswer(*names, drift, free)


def compare_frames(
    reference: pl.DataFrame,
    current: pl.DataFrame,
    *,
    columns: Sequence[str] | None = None,
    tolerance_sd: float = TOLERANCE_SD,
) -> DriftAnswer:
    """Compare two tables that are in memory.

    Args:
        reference: What was; at least one row.
        current: What is; at least one row.
        columns: Which ones; None is all.
        tolerance_sd: Shifts up to it do not matter, in standard deviations.

    Raises:
        DataError: A table has no rows, or lacks a column.
        InvalidInputError: A setting cannot be used.
    """
    tables = {"reference": reference, "current": current}
    for name, table in tables.items():
        if not table.height:
            raise DataError(f"the {name} has no rows; give a table with some")
        if columns is not None:
            require_columns(columns, table.columns, source=f"the {name}")
    before, after = (
        tally_frame(table.select(columns) if columns is not None else table) for table in tables.values()
    )
    drift, free = _compared(before, after, tolerance_sd=tolerance_sd)
    return DriftAnswer("reference", "current", drift, free)


def _compared(
    reference: Tally,
    current: Tally,
    *,
    tolerance_sd: float,
    metric: str | None = None,
    threshold: float | None = None,
) -> tuple[Drift, tuple[str, ...]]:
    """The comparison, and the columns that were left out of it."""
    before, after, free = typed_profiles(reference, current)
    drift = compare(before, after, tolerance_sd=tolerance_sd, metric=metric, threshold=threshold)
    return drift, free


def _tally_pieces(
    engine: Engine,
    pieces: Sequence[Piece],
    wanted: tuple[str, ...] | None,
    *,
    name: str,
    progress: Progress,
    as_text: tuple[str, ...] = (),
) -> Tally:
    """The tally of a table, piece by piece."""
    read: list[Tally] = []
    for place, done in enumerate(engine.map(partial(_tally_piece, wanted, as_text), pieces)):
        read.append(done.value)
        if len(read) == _MERGED_AT_ONCE:
            read = [merge_tallies(read)]
        progress(f"reading {name}", (place + 1) / len(pieces))
    tally = merge_tallies(read)
    if not tally.rows:
        raise DataError(f"{name} has no rows; give a file with some")
    return tally


def _tally_piece(wanted: tuple[str, ...] | None, as_text: tuple[str, ...], piece: Piece) -> Tally:
    tallies = []
    for chunk in read_chunks(piece, wanted=wanted):
        refuse_bad_rows(chunk.raw.broken)
        tallies.append(tally_frame(chunk.raw.frame, as_text=as_text))
    return merge_tallies(tallies)


def _with_text(
    engine: Engine,
    tally: Tally,
    pieces: Sequence[Piece],
    texts: tuple[str, ...],
    *,
    name: str,
    progress: Progress,
) -> Tally:
    """The same tally, in which numbers of some columns are told by their text."""
    if not texts:
        return tally
    again = _tally_pieces(engine, pieces, texts, name=name, progress=progress, as_text=texts)
    return Tally(tally.rows, {**tally.columns, **again.columns})
