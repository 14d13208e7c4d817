"""Where a file may be cut so that each part can be read by itself: rows of Parquet, record borders of text.

Leaves to others: reading a part (`partitions.reading`).
Always: parts follow one another and hold every row once; where they are cut depends on the file alone, not on
who reads it. A line break inside a quoted field is no border.
Not covered: compressed text, which can only be read from its beginning; records longer than a part.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.exceptions import PanicException, PolarsError

from smallcraft.data.formats import file_format
from smallcraft.errors import DataError

# What a part takes in memory when it is read, about; a few are read at once.
PART_BYTES = 48 << 20
_BLOCK_BYTES = 1 << 20
_SAMPLE_ROWS = 1_000
_FEWEST_ROWS, _MOST_ROWS = 1_000, 1_000_000
_NEWLINE, _QUOTE = 10, 34
_BEFORE_FIELDS = np.frombuffer(b",;\t|\n", dtype=np.uint8)


@dataclass(frozen=True)
class Part:
    """A part of a file.

    Attributes:
        start: First row of Parquet, first byte of text.
        stop: The one after the last.
        first_line: 1-based line on which text begins; 0 for Parquet.
    """

    start: int
    stop: int
    first_line: int = 0


def cut_file(path: Path, *, part_bytes: int = PART_BYTES) -> list[Part]:
    """Parts of a file that is not compressed, in order; at least one.

    Args:
        path: CSV, TSV, JSON Lines or Parquet.
        part_bytes: About how large a part is in memory, or as text.

    Raises:
        DataError: The file is not what its suffix says, or damaged.
    """
    kind = file_format(path)
    if kind.name == "parquet":
        return _cut_rows(path, part_bytes)
    return _cut_text(path, part_bytes, is_quoted=kind.name != "jsonl" and _is_quoted(path))


def _cut_rows(path: Path, part_bytes: int) -> list[Part]:
    try:
        rows = int(pl.scan_parquet(path).select(pl.len()).collect().item())
        sample = pl.scan_parquet(path).head(_SAMPLE_ROWS).collect()
    except (PolarsError, PanicException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path} is a damaged Parquet file ({reason}); export it again") from error
    each = sample.estimated_size() / max(sample.height, 1)
    step = min(max(int(part_bytes / max(each, 1.0)), _FEWEST_ROWS), _MOST_ROWS)
    starts = range(0, max(rows, 1), step)
    return [Part(start, min(start + step, rows)) for start in starts]


def _cut_text(path: Path, part_bytes: int, *, is_quoted: bool) -> list[Part]:
    size = path.stat().st_size
    if size <= part_bytes:
        return [Part(0, size, 1)]
    parts: list[Part] = []
    start = at = quotes = 0
    line = first_line = 1
    with path.open("rb") as file:
        while block := file.read(min(_BLOCK_BYTES, part_bytes)):
            raw = np.frombuffer(block, dtype=np.uint8)
            newlines = np.flatnonzero(raw == _NEWLINE)
            if at + len(block) - start >= part_bytes and size - at - len(block) >= part_bytes // 4:
                borders = _borders(raw, newlines, quotes) if is_quoted else newlines
                if len(borders):
                    border = int(borders[-1])
                    line_there = line + int(np.searchsorted(newlines, border)) + 1
                    parts.append(Part(start, at + border + 1, first_line))
                    start, first_line = at + border + 1, line_there
            quotes += int(np.count_nonzero(raw == _QUOTE)) if is_quoted else 0
            line += len(newlines)
            at += len(block)
    return [*parts, Part(start, size, first_line)]


def _borders(raw: NDArray[np.uint8], newlines: NDArray[np.int64], quotes: int) -> NDArray[np.int64]:
    """Newlines outside of quotes, of which so many came before the block."""
    places = np.flatnonzero(raw == _QUOTE)
    found: NDArray[np.int64] = newlines[(np.searchsorted(places, newlines) + quotes) % 2 == 0]
    return found


def _is_quoted(path: Path) -> bool:
    """Whether a quote begins a field anywhere, as `data.delimited` reads it."""
    last = _NEWLINE
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            raw = np.frombuffer(block, dtype=np.uint8)
            quotes = np.flatnonzero(raw == _QUOTE)
            before = np.where(quotes > 0, raw[np.maximum(quotes - 1, 0)], last)
            if np.isin(before, _BEFORE_FIELDS).any():
                return True
            last = int(raw[-1])
    return False
