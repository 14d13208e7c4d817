"""How many rows a table has, before it is read: exactly where its files say it, else by their first megabyte.

Always: the same files give the same answer.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import polars as pl
from polars.exceptions import PanicException, PolarsError

from smallcraft.data.formats import file_format
from smallcraft.data.partitions.pieces import Piece

# What fits in memory with everything that is asked about it, on a small machine.
MOST_ROWS = 1_000_000
_FIRST_BYTES = 1 << 20
# Of text, compressed; of what objects of a store hold, likely Parquet. Both err on the side of many rows.
_PACKED, _STORED_ROW_BYTES = 4.0, 32.0


def estimate_rows(pieces: Sequence[Piece]) -> int:
    """About how many rows a table has; exact for Parquet on disk."""
    by_file: dict[Path, list[Piece]] = {}
    total = 0.0
    for piece in pieces:
        if piece.stored is not None:
            total += piece.stored.size_bytes / _STORED_ROW_BYTES
        elif piece.path is not None:
            by_file.setdefault(piece.path, []).append(piece)
    return round(total + sum(_rows_of(path) for path in by_file))


def _rows_of(path: Path) -> float:
    kind = file_format(path)
    if kind.name == "parquet":
        try:
            return float(pl.scan_parquet(path).select(pl.len()).collect().item())
        except (PolarsError, PanicException, OSError):
            # Reading it will tell.
            return 0.0
    size = path.stat().st_size
    try:
        with gzip.open(path, "rb") if kind.is_gzipped else path.open("rb") as file:
            first = file.read(_FIRST_BYTES)
    except (OSError, EOFError):
        return 0.0
    lines = first.count(b"\n")
    whole = size * _PACKED if kind.is_gzipped else size
    header = 0 if kind.name == "jsonl" else 1
    return max(lines * max(whole / max(len(first), 1), 1.0) - header, 0.0)
