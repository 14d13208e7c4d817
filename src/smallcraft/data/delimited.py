"""Reads CSV and TSV (RFC 4180): every value as text, every record with the line it starts on.

Record borders are found here, so that a fault names its line; values are parsed by polars.
Always: a quote opens only at the start of a field; in a file where none does, quotes are plain characters.
Blank lines are not rows. Records with too few or too many fields are broken, never padded or cut.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.badrows import BadRow, shown
from smallcraft.data.rawfile import RawFile
from smallcraft.data.table import require_columns
from smallcraft.errors import DataError

_QUOTE, _NEWLINE, _RETURN = 34, 10, 13
_QUOTED = re.compile(rb'"[^"]*"?')


@dataclass(frozen=True)
class Records:
    """Byte spans of records, without their newline; blank lines left out. The first is the header.

    Attributes:
        starts: `(r,)` int64, first byte of each record.
        ends: `(r,)` int64, the byte after its last one.
        lines: `(r,)` int64, 1-based line on which it starts.
        fields: `(r,)` int64, how many fields it has.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    lines: NDArray[np.int64]
    fields: NDArray[np.int64]


@dataclass(frozen=True)
class Layout:
    """Where the records of a file stand, and how its fields are written."""

    records: Records
    header: tuple[str, ...]
    is_quoted: bool

    @property
    def fits(self) -> NDArray[np.bool_]:
        """`(r,)` bool: the records that are rows, with as many fields as the header."""
        fits: NDArray[np.bool_] = self.records.fields == len(self.header)
        fits[0] = False
        return fits


def find_separator(data: bytes, *, suffix: str) -> str:
    r"""What parts the fields of a file, by its header: spreadsheets of many countries write semicolons.

    Args:
        data: The file.
        suffix: `csv` or `tsv`; a tsv has tabs.

    Returns:
        A comma where the header of a csv has one; else a semicolon or a tab, where it has those.

    >>> find_separator(b"message;intent\nhi, there;x\n", suffix="csv")
    ';'
    """
    if suffix == "tsv":
        return "\t"
    header = _QUOTED.sub(b"", data.lstrip(b"\r\n").split(b"\n", 1)[0])
    present = [separator for separator in (",", ";", "\t") if separator.encode() in header]
    return present[0] if present else ","


def find_layout(data: bytes, name: str, *, separator: str) -> Layout:
    """Find the records of a file.

    Args:
        data: The file, valid UTF-8.
        name: The file, for messages.
        separator: One ASCII character.

    Raises:
        DataError: No header or no rows, names twice, quotes that do not close.
    """
    raw = np.frombuffer(data, dtype=np.uint8)
    is_quoted = _has_quoting(raw, ord(separator))
    if is_quoted:
        _check_quotes(raw, ord(separator), name)
    records = _find_records(raw, ord(separator), is_quoted=is_quoted)
    header = _header(data, records, name, separator=separator, is_quoted=is_quoted)
    _check_header(header, records, name)
    return Layout(records, header, is_quoted)


def read_delimited(data: bytes, name: str, *, separator: str, wanted: tuple[str, ...] | None) -> RawFile:
    """Read records that have as many fields as the header.

    Args:
        data: The file, valid UTF-8.
        name: The file, for messages.
        separator: One ASCII character.
        wanted: Columns to return; None for all.

    Raises:
        DataError: No header or no rows, names twice, a missing column, quotes that do not close.
    """
    layout = find_layout(data, name, separator=separator)
    header, records, fits = layout.header, layout.records, layout.fits
    wanted = tuple(column for column in header if column) if wanted is None else wanted
    require_columns(wanted, header, source=name)
    body = _joined_spans(data, records, fits)
    frame = _parse(body, separator=separator, is_quoted=layout.is_quoted, width=len(header))
    if frame.height != int(fits.sum()):
        raise DataError(
            f"{name}: {int(fits.sum()):,} records were counted but {frame.height:,} could be parsed; "
            "write the file again with a CSV library"
        )
    names = dict(zip(frame.columns, header, strict=True))
    by_name = {names[column]: column for column in reversed(frame.columns)}
    picked = frame.select(pl.col(by_name[column]).alias(column) for column in wanted)
    return RawFile(name, picked, header, records.lines[fits], _ragged(data, records, name, width=len(header)))


def _has_quoting(raw: NDArray[np.uint8], separator: int) -> bool:
    quotes = np.flatnonzero(raw == _QUOTE)
    before = raw[np.maximum(quotes - 1, 0)]
    return bool(np.any((quotes == 0) | (before == separator) | (before == _NEWLINE)))


def _check_quotes(raw: NDArray[np.uint8], separator: int, name: str) -> None:
    """Quotes alternate between opening and closing; an adjacent closing-opening pair is one quote inside."""
    quotes = np.flatnonzero(raw == _QUOTE)
    opening, closing = quotes[0::2], quotes[1::2]
    before = raw[np.maximum(opening - 1, 0)]
    starts_field = (opening == 0) | (before == separator) | (before == _NEWLINE)
    starts_field[1:] |= opening[1:] == closing[: len(opening) - 1] + 1
    after = raw[np.minimum(closing + 1, len(raw) - 1)]
    ends_field = (closing == len(raw) - 1) | np.isin(after, (separator, _NEWLINE, _RETURN, _QUOTE))
    stray = opening[~starts_field][:1]
    unclosed = opening[: len(closing)][~ends_field][:1]
    if len(stray) and not (len(unclosed) and unclosed[0] < stray[0]):
        raise DataError(
            f"{name}, line {_line_of(raw, stray[0])}: a quote stands inside a field that does not begin "
            "with one; "
            "put the whole field in quotes and double the quotes inside it"
        )
    if not len(unclosed) and len(opening) > len(closing):
        unclosed = opening[-1:]
    if len(unclosed):
        opened = _field_start(opening, closing, int(unclosed[0]))
        raise DataError(
            f"{name}, line {_line_of(raw, opened)}: the quote that opens here is not closed; "
            "close the field, and double quotes inside it"
        )


def _field_start(opening: NDArray[np.int64], closing: NDArray[np.int64], at: int) -> int:
    """The quote that began the field in which the opening quote `at` may be the second of a pair."""
    index = int(np.searchsorted(opening, at))
    while index and opening[index] == closing[index - 1] + 1:
        index -= 1
    return int(opening[index])


def _line_of(raw: NDArray[np.uint8], offset: int) -> int:
    return int(np.count_nonzero(raw[:offset] == _NEWLINE)) + 1


def _find_records(raw: NDArray[np.uint8], separator: int, *, is_quoted: bool) -> Records:
    newlines = np.flatnonzero(raw == _NEWLINE)
    separators = np.flatnonzero(raw == separator)
    borders = newlines
    if is_quoted:
        quotes = np.flatnonzero(raw == _QUOTE)
        borders = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
        separators = separators[np.searchsorted(quotes, separators) % 2 == 0]
    if not len(borders) or borders[-1] != len(raw) - 1:
        borders = np.append(borders, len(raw))
    starts = np.concatenate([[0], borders[:-1] + 1])
    ends = borders - ((borders > starts) & (raw[borders - 1] == _RETURN))
    counts = np.searchsorted(separators, ends) - np.searchsorted(separators, starts)
    filled = ends > starts
    lines = np.searchsorted(newlines, starts) + 1
    return Records(starts[filled], ends[filled], lines[filled], counts[filled] + 1)


def _header(data: bytes, records: Records, name: str, *, separator: str, is_quoted: bool) -> tuple[str, ...]:
    text = data[records.starts[0] : records.ends[0]].decode()
    quoting: Literal[0, 3] = 0 if is_quoted else 3  # csv.QUOTE_MINIMAL, csv.QUOTE_NONE
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    try:
        fields = next(csv.reader([text], delimiter=separator, quoting=quoting))
    except csv.Error as error:
        raise DataError(
            f"{name}, line {records.lines[0]}: the header cannot be read ({error}); "
            "end lines with a newline, not with a carriage return alone"
        ) from error
    return tuple(field.strip() for field in fields)


def _check_header(header: tuple[str, ...], records: Records, name: str) -> None:
    twice = [column for at, column in enumerate(header) if column and column in header[:at]]
    if twice:
        raise DataError(
            f"{name}, line {records.lines[0]}: column '{twice[0]}' stands twice in the header; rename one"
        )
    if len(records.starts) == 1:
        raise DataError(f"{name} has a header and no rows; rows were wanted")


def _joined_spans(data: bytes, records: Records, fits: NDArray[np.bool_]) -> bytes:
    """The fitting records with a newline after each; neighbours without a blank line between are one run."""
    kept = np.flatnonzero(fits)
    if not len(kept):
        return b""
    ends = records.ends[kept[:-1]]
    newline = 1 + (np.frombuffer(data, dtype=np.uint8)[ends] == _RETURN)
    breaks = np.flatnonzero((np.diff(kept) > 1) | (records.starts[kept[1:]] - ends > newline))
    firsts = kept[np.concatenate([[0], breaks + 1])]
    lasts = kept[np.concatenate([breaks, [len(kept) - 1]])]
    return b"\n".join(
        data[records.starts[first] : records.ends[last]] for first, last in zip(firsts, lasts, strict=True)
    )


def _parse(body: bytes, *, separator: str, is_quoted: bool, width: int) -> pl.DataFrame:
    schema = {f"column_{at}": pl.String for at in range(1, width + 1)}
    if not body:
        return pl.DataFrame(schema=schema)
    frame = pl.read_csv(
        body,
        has_header=False,
        separator=separator,
        quote_char='"' if is_quoted else None,
        schema=schema,
    )
    return frame.filter(~pl.all_horizontal(pl.all().is_null())) if width == 1 else frame


def _ragged(data: bytes, records: Records, name: str, *, width: int) -> tuple[BadRow, ...]:
    bad = np.flatnonzero(records.fields != width)
    rows = []
    for at in bad[bad > 0]:
        record = data[records.starts[at] : records.ends[at]].decode()
        rows.append(
            BadRow(
                file=name,
                line=int(records.lines[at]),
                row=None,
                column=None,
                value=None,
                reason=f"{records.fields[at]} fields where the header has {width}: {shown(record)}",
                remedy="put fields that hold the separator in quotes, or complete the row",
                record=record,
            )
        )
    return tuple(rows)
