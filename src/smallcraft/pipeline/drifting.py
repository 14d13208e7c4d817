"""`smallcraft drift REFERENCE CURRENT`: two files read, their columns typed alike, profiled, compared.

A column is one of numbers where every value that is there reads as one, in both files; else its values are
categories, and a column of long different texts is left to `watch`, which knows words and meaning.
Leaves to others: what drift is (`observe.comparing`).
Always: neither file is changed; the order of rows does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from smallcraft.canonical import plain
from smallcraft.data.badrows import refuse_bad_rows
from smallcraft.data.load import read_source
from smallcraft.data.table import require_columns
from smallcraft.errors import DataError
from smallcraft.observe.comparing import TOLERANCE_SD, Drift, compare
from smallcraft.observe.frames import profile_frame
from smallcraft.records import Outcome

# Where nearly every value is another one, a share of values says nothing.
_MOST_DIFFERENT = 0.5
_FEWEST_ROWS = 50


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
) -> DriftAnswer:
    """Compare two files.

    Args:
        reference: What was: a path or a glob.
        current: What is.
        columns: Which ones; None is all.
        tolerance_sd: Shifts up to it do not matter, in standard deviations.
        metric: Of a plain rule; None for the verdict.
        threshold: Of the plain rule.

    Raises:
        DataError: A file cannot be read, has no rows, or lacks a column.
        InvalidInputError: A setting cannot be used.
    """
    wanted = None if columns is None else tuple(columns)
    before, after = (_read(location, wanted) for location in (reference, current))
    drift, free = _compared(before, after, tolerance_sd=tolerance_sd, metric=metric, threshold=threshold)
    return DriftAnswer(str(reference), str(current), drift, free)


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
    before, after = (table.select(columns) if columns is not None else table for table in tables.values())
    drift, free = _compared(before, after, tolerance_sd=tolerance_sd)
    return DriftAnswer("reference", "current", drift, free)


def _compared(
    reference: pl.DataFrame,
    current: pl.DataFrame,
    *,
    tolerance_sd: float,
    metric: str | None = None,
    threshold: float | None = None,
) -> tuple[Drift, tuple[str, ...]]:
    """The comparison, and the columns that were left out of it."""
    typed = _typed(reference, current)
    free = tuple(name for name in typed[0].columns if _is_free_text(typed[0][name]))
    profiles = [profile_frame(frame.drop(free, strict=False)) for frame in typed]
    drift = compare(profiles[0], profiles[1], tolerance_sd=tolerance_sd, metric=metric, threshold=threshold)
    return drift, free


def _read(location: str | Path, wanted: tuple[str, ...] | None) -> pl.DataFrame:
    source = read_source(location, wanted)
    refuse_bad_rows(source.broken)
    if not source.frame.height:
        raise DataError(f"{location} has no rows; give a file with some")
    return source.frame


def _typed(reference: pl.DataFrame, current: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Columns that read as numbers in both files, as numbers."""
    frames = (reference, current)
    names = dict.fromkeys([*reference.columns, *current.columns])
    numbers = [
        name
        for name in names
        if all(_reads_as_numbers(frame[name]) for frame in frames if name in frame.columns)
    ]
    return _as_numbers(reference, numbers), _as_numbers(current, numbers)


def _as_numbers(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    return frame.with_columns(
        pl.col(name).cast(pl.Float64, strict=False) for name in names if name in frame.columns
    )


def _reads_as_numbers(column: pl.Series) -> bool:
    if column.dtype.is_numeric():
        return True
    if column.dtype != pl.String:
        return False
    there = column.drop_nulls()
    return len(there) > 0 and there.cast(pl.Float64, strict=False).null_count() == 0


def _is_free_text(column: pl.Series) -> bool:
    if column.dtype != pl.String or len(column) < _FEWEST_ROWS:
        return False
    return column.n_unique() > _MOST_DIFFERENT * len(column)
