"""Loads labelled rows from CSV, TSV, Parquet and JSON Lines into a `Table`, or says exactly why not.

Formats belong to the readers, types to `data.columns`, bad rows to `data.badrows`; the order of judgement is
here: file, structure, columns, rows, labels. Rows are held in memory; columns without a role are not kept.
Always: every row of the source is in the table or in the quarantine file, and the table counts both.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.badrows import BadRow, place, refuse_bad_rows, write_quarantine
from smallcraft.data.columnar import read_parquet
from smallcraft.data.columns import Fault, empty_columns, typed_columns
from smallcraft.data.delimited import find_separator, read_delimited
from smallcraft.data.formats import file_format, find_files, read_text_bytes
from smallcraft.data.jsonlines import read_json_lines
from smallcraft.data.rawfile import RawFile
from smallcraft.data.table import Table, make_table, text_form
from smallcraft.data.targets import label_counts, tags_of
from smallcraft.errors import DataError, InvalidInputError
from smallcraft.records import Roles, Task

_QUARANTINE_NAME = "quarantine.parquet"


@dataclass(frozen=True)
class Source:
    """The files of one location as one frame, and what could not be read."""

    name: str
    files: tuple[RawFile, ...]
    frame: pl.DataFrame

    @property
    def broken(self) -> tuple[BadRow, ...]:
        """Records that could not be read as rows, of all files."""
        return tuple(row for file in self.files for row in file.broken)

    def where(self, row: int) -> tuple[str, int | None, int]:
        """File, line (where there are lines) and 1-based row in that file."""
        for file in self.files:
            if row < file.frame.height:
                return file.name, file.line_of(row), row + 1
            row -= file.frame.height
        raise AssertionError("a row is inside one of its files")


def load_table(
    location: str | Path,
    roles: Roles,
    *,
    on_bad_rows: Literal["refuse", "quarantine"] = "refuse",
    quarantine: Path | None = None,
    keep: Sequence[str] = (),
    for_training: bool = True,
) -> Table:
    """Load one file, or all files of a glob, as one table.

    Args:
        location: A path or glob; `.csv .tsv .jsonl .ndjson` (also with `.gz`), `.parquet .pq`.
        roles: Which column plays which part; see `data.columns` for how each is typed.
        on_bad_rows: `refuse` stops at the first bad row; `quarantine` sets bad rows aside and goes on.
        quarantine: Parquet file (or folder) for the rows set aside; needed for `quarantine`.
        keep: More columns to hold in the frame, as text and without a role (a split column, say).
        for_training: Also ask that rows can be split: at least two classes, each with two rows. False for
            a test set that stands beside its training table.

    Returns:
        The table, rows in file order.

    Raises:
        DataError: The data cannot be used; file, line, column, value and remedy as far as they apply.
        InvalidInputError: `quarantine` was asked for without a file to write to.
    """
    check_roles(roles)
    if on_bad_rows == "quarantine" and quarantine is None:
        raise InvalidInputError(
            "on_bad_rows='quarantine' needs a file to write the rows to; "
            "pass quarantine=Path('quarantine.parquet')"
        )
    lists = frozenset({roles.label} if roles.task == "multilabel" else ())
    source = read_source(location, tuple(dict.fromkeys((*roles.named, *keep))), lists=lists)
    if on_bad_rows == "refuse":
        refuse_bad_rows(source.broken)
    _refuse_empty_columns(source.frame, roles, source)
    typed = typed_columns(source.frame, roles)
    if on_bad_rows == "refuse":
        _refuse_faults(source, typed.faults)
    kept = np.delete(np.arange(typed.frame.height), sorted({fault.row for fault in typed.faults}))
    frame = typed.frame[kept]
    set_aside = len(source.broken) + typed.frame.height - frame.height
    if frame.height == 0:
        raise DataError(f"{source.name}: all {set_aside:,} rows are bad, none is left; look at the first few")
    _refuse_empty_columns(frame, roles, source)
    if for_training:
        _LABEL_CHECKS[roles.task](frame[roles.label], roles, source, kept)
    if quarantine is not None and on_bad_rows == "quarantine":
        path = quarantine / _QUARANTINE_NAME if quarantine.is_dir() else quarantine
        write_quarantine([*source.broken, *(_bad_row(source, fault) for fault in typed.faults)], path)
    return make_table(frame, roles, source=source.name, rows_quarantined=set_aside, positions=kept)


def check_roles(roles: Roles) -> None:
    """Refuse roles that contradict each other; a group may also be a feature, nothing else plays two parts.

    Raises:
        DataError: A column with two parts, or no column that a model may read.
    """
    parts = [(name, "the text") for name in (roles.text,) if name]
    parts += [(name, "a feature") for name in roles.features] + [(roles.label, "the label")]
    parts += [(name, "a vote") for name in roles.votes]
    parts += [(name, "the time") for name in (roles.time,) if name]
    parts += [(name, "the key") for name in (roles.key,) if name]
    seen: dict[str, str] = {}
    for name, part in parts:
        if name in seen:
            raise DataError(
                f"column '{name}' is named twice: as {seen[name]} and as {part}; give it one part only"
            )
        seen[name] = part
    for name in roles.groups:
        if seen.get(name, "a feature") != "a feature":
            raise DataError(
                f"column '{name}' is named twice: as {seen[name]} and as a group; give it one part"
            )
    if not roles.inputs:
        raise DataError("a model needs something to read: name a text column, features, or both")


def read_file(
    path: Path, *, wanted: tuple[str, ...] | None, lists: frozenset[str] | None = frozenset()
) -> RawFile:
    """Read one file's columns as they stand; None reads all of them.

    Args:
        path: The file.
        wanted: Columns to read.
        lists: Those whose values may be lists of plain values; None for any.

    Raises:
        DataError: The file is not what its suffix says, is damaged, or lacks a column.
    """
    kind, name = file_format(path), str(path)
    if kind.name == "parquet":
        return read_parquet(path, name, wanted=wanted, lists=lists)
    data = read_text_bytes(path, is_gzipped=kind.is_gzipped)
    if kind.name == "jsonl":
        return read_json_lines(data, name, wanted=wanted, lists=lists)
    separator = find_separator(data, suffix=kind.name)
    return read_delimited(data, name, separator=separator, wanted=wanted)


def read_source(
    location: str | Path, wanted: tuple[str, ...] | None, *, lists: frozenset[str] | None = frozenset()
) -> Source:
    """Read every file of a location; None reads all columns; `lists` as in `read_file`.

    Raises:
        DataError: A file cannot be read, or files have different columns.
    """
    files = tuple(read_file(path, wanted=wanted, lists=lists) for path in find_files(location))
    for file in files[1:]:
        odd = set(file.columns) ^ set(files[0].columns)
        if odd:
            raise DataError(
                f"{files[0].name} and {file.name} have different columns: only one has "
                f"{', '.join(repr(name) for name in sorted(odd))}; give every file the same columns"
            )
    return Source(str(location), files, stacked([file.frame for file in files]))


def stacked(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Rows of several frames with the same columns; values of several types become numbers, or text."""
    if len(frames) == 1:
        return frames[0]
    columns = []
    for name in frames[0].columns:
        parts = [frame[name] for frame in frames]
        kinds = {part.dtype for part in parts}
        if len(kinds) > 1:
            is_numeric = all(kind.is_numeric() for kind in kinds)
            parts = [part.cast(pl.Float64) if is_numeric else text_form(part) for part in parts]
        columns.append(pl.concat(parts))
    return pl.DataFrame(columns)


def _refuse_empty_columns(frame: pl.DataFrame, roles: Roles, source: Source) -> None:
    for name in empty_columns(frame):
        if name in roles.named and frame.height:
            raise DataError(
                f"{source.name}, column '{name}': not one of {frame.height:,} rows has a value; "
                "fill it or take it out of the roles"
            )


def _bad_row(source: Source, fault: Fault) -> BadRow:
    file, line, row = source.where(fault.row)
    record = json.dumps(source.frame.row(fault.row, named=True), ensure_ascii=False, default=str)
    return BadRow(file, line, row, fault.column, fault.value, fault.reason, fault.remedy, record)


def _refuse_faults(source: Source, faults: Sequence[Fault]) -> None:
    rows = {fault.row for fault in faults}
    refuse_bad_rows([_bad_row(source, fault) for fault in faults[:1]], others=len(rows) - 1)


def _check_classes(labels: pl.Series, roles: Roles, source: Source, kept: NDArray[np.int64]) -> None:
    counts = label_counts(labels, roles)
    if len(counts) == 1:
        raise DataError(
            f"{source.name}, column '{labels.name}': every row has the one class '{next(iter(counts))}'; "
            "a classifier needs at least two"
        )
    _refuse_single(labels, roles, source, kept, holds=lambda label, name: label == name)


def _check_tags(labels: pl.Series, roles: Roles, source: Source, kept: NDArray[np.int64]) -> None:
    if len(label_counts(labels, roles)) < 2:
        raise DataError(
            f"{source.name}, column '{labels.name}': labels separated by '{roles.separator}' were wanted, "
            f"found {len(label_counts(labels, roles))} in all; look at label_separator"
        )
    _refuse_single(
        labels, roles, source, kept, holds=lambda label, name: name in tags_of(label, roles.separator)
    )


def _check_values(labels: pl.Series, roles: Roles, source: Source, kept: NDArray[np.int64]) -> None:  # noqa: ARG001
    if labels.n_unique() < 2:
        raise DataError(
            f"{source.name}, column '{labels.name}': every row has the one value {labels[0]}; "
            "a regression needs values that differ"
        )


_LABEL_CHECKS: Mapping[Task, Callable[[pl.Series, Roles, Source, NDArray[np.int64]], None]] = {
    "multiclass": _check_classes,
    "multilabel": _check_tags,
    "regression": _check_values,
}


def _refuse_single(
    labels: pl.Series,
    roles: Roles,
    source: Source,
    kept: NDArray[np.int64],
    *,
    holds: Callable[[str, str], bool],
) -> None:
    """A label seen once cannot stand in train and be measured."""
    single = sorted(name for name, rows in label_counts(labels, roles).items() if rows == 1)
    if single:
        row = next(row for row, label in enumerate(labels.to_list()) if holds(label, single[0]))
        file, line, number = source.where(int(kept[row]))
        others = f" (and {len(single) - 1:,} more such labels)" if len(single) > 1 else ""
        raise DataError(
            f"{place(file, line, number, labels.name)}: the label '{single[0]}' is seen "
            f"once{others} and cannot be split; add rows of it, merge it into another class, or correct it"
        )
