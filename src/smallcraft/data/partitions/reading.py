"""Reads a piece of a table, chunk by chunk, as the readers of whole files would have read its rows.

Leaves to others: types of columns (`data.columns`), which pieces there are (`partitions.pieces`).
Always: values, lines and broken records are those of the whole file's reader.
Not covered: quotes that are signs in one part of a file and quoting in another; each part is judged alone.
"""

from __future__ import annotations

import gzip
import shutil
import tempfile
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from smallcraft.data.columnar import read_parquet
from smallcraft.data.delimited import find_separator, read_delimited
from smallcraft.data.formats import FileFormat, file_format, read_text_bytes
from smallcraft.data.jsonlines import read_json_lines
from smallcraft.data.partitions.cutting import Part, cut_file
from smallcraft.data.partitions.pieces import Piece
from smallcraft.data.partitions.stores import copy_of
from smallcraft.data.rawfile import RawFile
from smallcraft.errors import DataError


@dataclass(frozen=True)
class Chunk:
    """Rows that are read at once.

    Attributes:
        raw: As they stand; `raw.name` is the file that messages name.
        piece: Number of the piece.
        first_row: Where its rows begin among those of the piece that could be read.
        before: Rows of the file before these; None where lines alone tell, since nobody counted them.
    """

    raw: RawFile
    piece: int
    first_row: int
    before: int | None = None

    def row_in_file(self, row: int) -> int | None:
        """1-based row of the file of a row of the chunk (0-based); None where its line has to do.

        Args:
            row: Of the chunk.
        """
        return None if self.before is None else self.before + row + 1


def read_chunks(
    piece: Piece, *, wanted: tuple[str, ...] | None, lists: frozenset[str] | None = frozenset()
) -> Iterator[Chunk]:
    """The rows of a piece, in chunks that fit in memory.

    Args:
        piece: Which.
        wanted: Columns to read; None for all.
        lists: As `data.load.read_file` has it.

    Yields:
        Chunks in order; none where every record of a part is broken but those it tells of.

    Raises:
        DataError: The file cannot be read, or lacks a column.
    """
    with ExitStack() as stack:
        if piece.stored is not None:
            path = stack.enter_context(copy_of(piece.stored))
        else:
            assert piece.path is not None, "a piece is of a file or of an object"
            path = piece.path
        kind = file_format(path)
        if kind.is_gzipped:
            path = stack.enter_context(_unzipped(path, piece.source))
            kind = FileFormat(kind.name, is_gzipped=False)
        first_row, is_from_start = 0, piece.part is None or not piece.part.start
        for part in _parts_of(piece, path):
            raw = _read_part(path, piece.source, kind, part, wanted=wanted, lists=lists)
            before = part.start if kind.name == "parquet" else first_row if is_from_start else None
            yield Chunk(raw, piece.number, first_row, before)
            first_row += raw.frame.height


def _parts_of(piece: Piece, path: Path) -> list[Part]:
    return cut_file(path, part_bytes=piece.part_bytes) if piece.part is None else [piece.part]


def _read_part(
    path: Path,
    name: str,
    kind: FileFormat,
    part: Part,
    *,
    wanted: tuple[str, ...] | None,
    lists: frozenset[str] | None,
) -> RawFile:
    if kind.name == "parquet":
        return read_parquet(path, name, wanted=wanted, lists=lists, rows=(part.start, part.stop))
    data = read_text_bytes(path, is_gzipped=False, span=(part.start, part.stop))
    if kind.name == "jsonl":
        is_part = (part.start, part.stop) != (0, path.stat().st_size)
        raw = read_json_lines(data, name, wanted=wanted, lists=lists, is_part=is_part)
        return _moved(raw, part.first_line - 1)
    if not part.start:
        separator = find_separator(data, suffix=kind.name)
        return read_delimited(data, name, separator=separator, wanted=wanted)
    header = _header_of(path)
    separator = find_separator(header, suffix=kind.name)
    raw = read_delimited(header + data, name, separator=separator, wanted=wanted)
    return _moved(raw, part.first_line - 1 - header.count(b"\n"))


def _header_of(path: Path) -> bytes:
    """Bytes up to the end of a file's first record that is not blank."""
    found = b""
    with path.open("rb") as file:
        for line in file:
            found += line if found else line.removeprefix(BOM_UTF8)
            if found.strip() and found.count(b'"') % 2 == 0:
                return found if found.endswith(b"\n") else found + b"\n"
    raise DataError(f"{path} has no header; a header and rows were wanted")


def _moved(raw: RawFile, lines: int) -> RawFile:
    """The same rows, so many lines further down."""
    if not lines:
        return raw
    broken = tuple(replace(row, line=None if row.line is None else row.line + lines) for row in raw.broken)
    return replace(raw, lines=None if raw.lines is None else raw.lines + lines, broken=broken)


@contextmanager
def _unzipped(path: Path, name: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="smallcraft-") as folder:
        plain = Path(folder) / path.with_suffix("").name
        try:
            with gzip.open(path, "rb") as packed, plain.open("wb") as file:
                shutil.copyfileobj(packed, file, 1 << 20)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{name} is a damaged gzip file ({error}); copy or export it again") from error
        yield plain
