"""Rows that cannot be used: what is wrong with each, where it stands, and what becomes of it.

Finding them belongs to the readers and `data.columns`; this module refuses them or sets them aside.
Always: a row is refused or written to the quarantine file with its reason, never dropped in silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from smallcraft.errors import DataError

_SHOWN_CHARACTERS = 80
_SCHEMA = {
    "file": pl.String,
    "line": pl.Int64,
    "row": pl.Int64,
    "column": pl.String,
    "value": pl.String,
    "reason": pl.String,
    "record": pl.String,
}


@dataclass(frozen=True)
class BadRow:
    """One row that cannot be used.

    Attributes:
        line: 1-based line in the file; None where the format has no lines.
        row: 1-based row of the data; None where a broken record is not a row.
        record: The row as it stood, or as JSON.
    """

    file: str
    line: int | None
    row: int | None
    column: str | None
    value: str | None
    reason: str
    remedy: str
    record: str

    @property
    def sentence(self) -> str:
        """File, line, column, value, and what to do."""
        return f"{place(self.file, self.line, self.row, self.column)}: {self.reason}; {self.remedy}"


def place(file: str, line: int | None, row: int | None, column: str | None = None) -> str:
    """Where something stands, for people.

    >>> place("tickets.csv", 40, 39, "age")
    "tickets.csv, line 40, column 'age'"
    """
    at = f", line {line}" if line is not None else f", row {row}" if row is not None else ""
    return f"{file}{at}" + (f", column '{column}'" if column is not None else "")


def shown(value: object) -> str:
    """A value short enough for a message.

    >>> shown("12a")
    "'12a'"
    """
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "...'"


def refuse_bad_rows(rows: Sequence[BadRow], *, others: int | None = None) -> None:
    """Stop at the first bad row, saying how many more there are.

    Args:
        rows: Bad rows, in order.
        others: Bad rows besides the first, where `rows` does not hold them all.

    Raises:
        DataError: `rows` is not empty.
    """
    if rows:
        others = len(rows) - 1 if others is None else others
        more = f" ({others:,} more bad rows; on_bad_rows = 'quarantine' sets them aside)" if others else ""
        raise DataError(rows[0].sentence + more)


def write_quarantine(rows: Sequence[BadRow], path: Path) -> None:
    """Write bad rows as Parquet, one line a fault; an empty file says that nothing was set aside.

    Raises:
        DataError: The folder cannot be written.
    """
    frame = pl.DataFrame([[getattr(row, name) for name in _SCHEMA] for row in rows], _SCHEMA, orient="row")
    half_written = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(half_written)
        half_written.replace(path)
    except OSError as error:
        raise DataError(
            f"the quarantine file {path} cannot be written: {error.strerror}; "
            "free space there, or let the folder be written"
        ) from error
