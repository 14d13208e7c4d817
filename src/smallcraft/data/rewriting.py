"""Writes data files again with some rows left out and some cells replaced, all other bytes as they stand.

Which rows belongs to `data.repair`; this module knows formats only. A glob becomes one file.
Always: in CSV, TSV and JSON Lines a row that is not named keeps its bytes (quotes, line ends, columns without
a role); a replaced cell is written as another row of the files already writes that value. Only files of one
glob that cannot stand under one header are written anew, value by value. Parquet keeps values and types.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.exceptions import PolarsError

from smallcraft.data.delimited import Layout, find_layout, find_separator
from smallcraft.data.formats import file_format, read_text_bytes
from smallcraft.data.rawfile import RawFile
from smallcraft.errors import DataError, InvalidInputError


@dataclass(frozen=True)
class Edits:
    """What changes; rows are 0-based positions over all files.

    Attributes:
        column: The column of the replaced cells; empty where none is.
        dropped: Rows to leave out.
        copied: Row to the row whose cell it takes over.
        written: Row to the new text, where no row holds that value yet.
    """

    column: str
    dropped: frozenset[int]
    copied: Mapping[int, int]
    written: Mapping[int, str]


@dataclass(frozen=True)
class _Part:
    """One file's bytes: from where they are copied, and the span of each row without its line end."""

    data: bytes
    begin: int
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def row(self, at: int) -> bytes:
        """The bytes of a row."""
        return self.data[self.starts[at] : self.ends[at]]

    def after(self, at: int) -> int:
        """Where the line after a row begins."""
        end = int(self.ends[at])
        end += self.data[end : end + 1] == b"\r"
        return end + (self.data[end : end + 1] == b"\n")


# Old row, the row whose cell it takes (None: the text), new text -> new row.
_Replace = Callable[[bytes, bytes | None, str], bytes]


def refuse_target(source: Path, paths: Sequence[Path], target: Path) -> None:
    """Refuse a file that cannot hold a new version of the source.

    Raises:
        InvalidInputError: Another format, a file that is there, no folder, or a name in the source's glob.
    """
    suffixes = {_suffix(path) for path in paths}
    if _suffix(target) not in suffixes:
        raise InvalidInputError(
            f"the version keeps the format of {source}: a name that ends in {' or '.join(sorted(suffixes))} "
            f"was wanted, got {target}"
        )
    if target.exists() or target.is_symlink():
        raise InvalidInputError(f"{target} is there already and is never written over; choose another name")
    if not target.parent.is_dir():
        raise InvalidInputError(f"there is no folder {target.parent}; make it first")
    if _would_match(source, target):
        raise InvalidInputError(
            f"{target} would be read as a part of {source} from then on; choose another folder or name"
        )


def _would_match(source: Path, target: Path) -> bool:
    """Whether the source's glob would find the target."""
    wanted, parts = source.resolve().parts, target.resolve().parts
    if "**" in wanted:
        at = wanted.index("**")
        return wanted[:at] == parts[:at] and fnmatch(parts[-1], wanted[-1])
    return len(parts) == len(wanted) and all(map(fnmatch, parts, wanted))


def _suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return "".join(suffixes[-2:] if suffixes[-1:] == [".gz"] else suffixes[-1:])


def rewrite_files(paths: Sequence[Path], raw: Sequence[RawFile], edits: Edits, *, is_gzipped: bool) -> bytes:
    """The bytes of one file that holds the files' rows after the edits.

    Args:
        paths: Files of one format.
        raw: The same files as they were read.
        edits: What changes.
        is_gzipped: Whether the result is compressed.

    Raises:
        DataError: The files cannot be put together, or a new value cannot be written.
    """
    kinds = {file_format(path).name for path in paths}
    if len(kinds) > 1:
        raise DataError(
            f"one file is written for the whole glob, but it mixes {' and '.join(sorted(kinds))}; "
            "repair the formats one by one"
        )
    kind = kinds.pop()
    if kind == "parquet":
        return _rewrite_parquet(paths, edits)
    data = [read_text_bytes(path, is_gzipped=file_format(path).is_gzipped) for path in paths]
    if kind == "jsonl":
        parts = [_json_part(one, file) for one, file in zip(data, raw, strict=True)]
        written = _rewrite_parts(parts, edits, _replace_json(edits.column))
    else:
        written = _rewrite_delimited(data, raw, edits, separator=_one_separator(data, raw, suffix=kind))
    if _begins_with_mark(paths[0]):
        written = codecs.BOM_UTF8 + written
    return gzip.compress(written, mtime=0) if is_gzipped else written


def _begins_with_mark(path: Path) -> bool:
    with path.open("rb") as stream:
        plain = gzip.GzipFile(fileobj=stream) if file_format(path).is_gzipped else stream
        return plain.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8


def _rewrite_parts(parts: Sequence[_Part], edits: Edits, replace: _Replace) -> bytes:
    first_rows = np.cumsum([0, *(len(part.starts) for part in parts)])

    def row_bytes(row: int) -> bytes:
        at = int(np.searchsorted(first_rows, row, side="right")) - 1
        return parts[at].row(row - int(first_rows[at]))

    pieces: list[bytes] = []
    edited = np.array(sorted({*edits.dropped, *edits.copied, *edits.written}), dtype=np.int64)
    for number, part in enumerate(parts):
        if pieces and not pieces[-1].endswith(b"\n"):
            pieces.append(b"\n")
        at = part.begin
        low, high = np.searchsorted(edited, first_rows[number : number + 2])
        for row in edited[low:high].tolist():
            here = row - int(first_rows[number])
            pieces.append(part.data[at : part.starts[here]])
            if row in edits.dropped:
                at = part.after(here)
                continue
            source = edits.copied.get(row)
            taken = None if source is None else row_bytes(source)
            pieces.append(replace(part.row(here), taken, edits.written.get(row, "")))
            at = int(part.ends[here])
        pieces.append(part.data[at:])
        pieces = [piece for piece in pieces if piece]
    return b"".join(pieces)


# --- CSV and TSV ---------------------------------------------------------------------


def _one_separator(data: Sequence[bytes], raw: Sequence[RawFile], *, suffix: str) -> str:
    """What parts the fields of all files.

    Raises:
        DataError: They do not have one.
    """
    found = [find_separator(one, suffix=suffix) for one in data]
    for file, separator in zip(raw, found, strict=True):
        if separator != found[0]:
            raise DataError(
                f"fields are parted by {found[0]!r} in {raw[0].name} and by {separator!r} in {file.name}, "
                "but one file is written for the whole glob; save them alike first"
            )
    return found[0]


def _rewrite_delimited(data: list[bytes], raw: Sequence[RawFile], edits: Edits, *, separator: str) -> bytes:
    names = [file.name for file in raw]
    layouts = [find_layout(one, name, separator=separator) for one, name in zip(data, names, strict=True)]
    if not _stand_under_one_header(data, layouts):
        if any(file.broken for file in raw):
            raise DataError(
                f"the files {names[0]} to {names[-1]} differ in the order of columns or in quotes, and hold "
                "broken rows; complete or remove those rows first"
            )
        data = [
            _written_anew(one, layout, layouts[0].header, separator=separator)
            for one, layout in zip(data, layouts, strict=True)
        ]
        layouts = [find_layout(one, name, separator=separator) for one, name in zip(data, names, strict=True)]
    parts = [
        _delimited_part(one, layout, at) for at, (one, layout) in enumerate(zip(data, layouts, strict=True))
    ]
    is_quoted = any(layout.is_quoted for layout in layouts)
    at = layouts[0].header.index(edits.column) if edits.column else 0
    return _rewrite_parts(parts, edits, _replace_field(at, separator=separator, is_quoted=is_quoted))


def _stand_under_one_header(data: Sequence[bytes], layouts: Sequence[Layout]) -> bool:
    """Same columns in one order, and quotes that mean the same in every file."""
    if any(layout.header != layouts[0].header for layout in layouts):
        return False
    is_quoted = any(layout.is_quoted for layout in layouts)
    return not is_quoted or all(
        layout.is_quoted or b'"' not in one for one, layout in zip(data, layouts, strict=True)
    )


def _written_anew(data: bytes, layout: Layout, header: tuple[str, ...], *, separator: str) -> bytes:
    quoting: Literal[0, 3] = 0 if layout.is_quoted else 3  # csv.QUOTE_MINIMAL, csv.QUOTE_NONE
    csv.field_size_limit(max(csv.field_size_limit(), len(data)))
    order = [layout.header.index(name) for name in header]
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    for record in csv.reader(io.StringIO(data.decode(), newline=""), delimiter=separator, quoting=quoting):
        if record:
            writer.writerow([record[at] for at in order])
    return text.getvalue().encode()


def _delimited_part(data: bytes, layout: Layout, at: int) -> _Part:
    fits = layout.fits
    begin = 0 if at == 0 else int(layout.records.starts[1])
    return _Part(data, begin, layout.records.starts[fits], layout.records.ends[fits])


def _replace_field(at: int, *, separator: str, is_quoted: bool) -> _Replace:
    def replace(row: bytes, taken: bytes | None, text: str) -> bytes:
        start, end = _field_span(row, at, separator=separator, is_quoted=is_quoted)
        if taken is None:
            cell = _cell(text, separator=separator, is_quoted=is_quoted)
        else:
            first, last = _field_span(taken, at, separator=separator, is_quoted=is_quoted)
            cell = taken[first:last]
        return row[:start] + cell + row[end:]

    return replace


def _field_span(row: bytes, at: int, *, separator: str, is_quoted: bool) -> tuple[int, int]:
    """Where a field of a record stands, with its quotes."""
    bytes_of_row = np.frombuffer(row, dtype=np.uint8)
    separators = np.flatnonzero(bytes_of_row == ord(separator))
    if is_quoted:
        quotes = np.flatnonzero(bytes_of_row == ord('"'))
        separators = separators[np.searchsorted(quotes, separators) % 2 == 0]
    borders = [-1, *separators.tolist(), len(row)]
    return borders[at] + 1, borders[at + 1]


def _cell(text: str, *, separator: str, is_quoted: bool) -> bytes:
    needs_quotes = any(sign in text for sign in (separator, '"', "\n", "\r"))
    if needs_quotes and not is_quoted:
        raise DataError(
            f"the value {text!r} needs quotes, and quotes are plain characters in this file; "
            "choose a value without separators and quotes"
        )
    return ('"' + text.replace('"', '""') + '"' if needs_quotes else text).encode()


# --- JSON Lines ----------------------------------------------------------------------


def _json_part(data: bytes, file: RawFile) -> _Part:
    newlines = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == ord("\n"))
    starts = np.concatenate([[0], newlines + 1])
    ends = np.concatenate([newlines, [len(data)]])
    assert file.lines is not None, "JSON Lines have lines"
    rows = file.lines - 1
    return _Part(data, 0, starts[rows], ends[rows])


def _replace_json(key: str) -> _Replace:
    def replace(row: bytes, taken: bytes | None, text: str) -> bytes:
        line = row.decode()
        if taken is None:
            value = json.dumps(text, ensure_ascii=False)
        else:
            other = taken.decode()
            span = _value_span(other, key)
            assert span is not None, "the row whose value is taken has one"
            value = other[slice(*span)]
        span = _value_span(line, key)
        if span is None:
            end = line.rindex("}")
            comma = ", " if json.loads(line) else ""
            return f"{line[:end]}{comma}{json.dumps(key, ensure_ascii=False)}: {value}{line[end:]}".encode()
        return (line[: span[0]] + value + line[span[1] :]).encode()

    return replace


def _value_span(line: str, key: str) -> tuple[int, int] | None:
    """Where the value of a key of the outermost object stands."""
    decoder = json.JSONDecoder()
    at = _past_space(line, line.index("{") + 1)
    while line[at] != "}":
        name, at = decoder.raw_decode(line, at)
        at = _past_space(line, _past_space(line, at) + 1)
        _, end = decoder.raw_decode(line, at)
        if name == key:
            return at, end
        at = _past_space(line, end)
        at = _past_space(line, at + 1) if line[at] == "," else at
    return None


def _past_space(line: str, at: int) -> int:
    while line[at] in " \t\r\n":
        at += 1
    return at


# --- Parquet -------------------------------------------------------------------------


def _rewrite_parquet(paths: Sequence[Path], edits: Edits) -> bytes:
    frames = [pl.read_parquet(path) for path in paths]
    try:
        frame = pl.concat([one.select(frames[0].columns) for one in frames], how="vertical_relaxed")
    except PolarsError as error:
        raise DataError(
            f"the files {paths[0]} to {paths[-1]} have columns of different types "
            f"({str(error).splitlines()[0]}); write them with the same types first"
        ) from error
    stream = io.BytesIO()
    edited_frame(frame, edits).write_parquet(stream)
    return stream.getvalue()


def edited_frame(frame: pl.DataFrame, edits: Edits) -> pl.DataFrame:
    """The frame after the edits, with its columns and types.

    Raises:
        DataError: A new text for a column that is no text.
    """
    if edits.copied or edits.written:
        column = frame[edits.column]
        source = np.arange(frame.height)
        source[list(edits.copied)] = list(edits.copied.values())
        column = column.gather(source)
        if edits.written:
            if column.dtype != pl.String:
                value = next(iter(edits.written.values()))
                raise DataError(
                    f"column '{edits.column}' holds {column.dtype} and no row has {value!r}; "
                    "choose a value that stands in the column"
                )
            column = column.scatter(list(edits.written), list(edits.written.values()))
        frame = frame.with_columns(column.alias(edits.column))
    return frame[np.delete(np.arange(frame.height), sorted(edits.dropped))]


def write_synced(path: Path, data: bytes) -> None:
    """Write bytes and wait until the disk has them."""
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
