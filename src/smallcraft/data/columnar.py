"""Reads Parquet: the wanted columns with their own types.

Always: nested and binary columns are refused by name; other columns are never read from disk.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
from polars.exceptions import PanicException, PolarsError

from smallcraft.data.rawfile import RawFile
from smallcraft.data.table import require_columns
from smallcraft.errors import DataError


def read_parquet(
    path: Path,
    name: str,
    *,
    wanted: tuple[str, ...] | None,
    lists: frozenset[str] | None = frozenset(),
    rows: tuple[int, int] | None = None,
) -> RawFile:
    """Read the wanted columns; None reads every column that is plain.

    Args:
        path: The file.
        name: What messages call it.
        wanted: Columns to read.
        lists: Those whose values may be lists of plain values; None for any.
        rows: From the first up to the second; None for all.

    Raises:
        DataError: A damaged file, no rows, a missing or nested column.
    """
    try:
        schema = pl.read_parquet_schema(path)
        require_columns(wanted or (), tuple(schema), source=name)
        if wanted is None:
            wanted = tuple(column for column, dtype in schema.items() if _may_be_read(column, dtype, lists))
        for column in wanted:
            if not _may_be_read(column, schema[column], lists):
                raise DataError(
                    f"{name}, column '{column}': plain values were wanted, got the nested or binary type "
                    f"{schema[column]}; flatten it into columns of their own"
                )
        frame = _read(path, list(wanted), rows)
    except (PolarsError, PanicException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{name} is a damaged Parquet file ({reason}); export it again") from error
    if frame.height == 0:
        raise DataError(f"{name} has columns and no rows; rows were wanted")
    return RawFile(name, frame.select(wanted), tuple(schema), None)


def _read(path: Path, wanted: list[str], rows: tuple[int, int] | None) -> pl.DataFrame:
    if rows is None:
        return pl.read_parquet(path, columns=wanted)
    return pl.scan_parquet(path).select(wanted).slice(rows[0], rows[1] - rows[0]).collect()


def _may_be_read(column: str, dtype: pl.DataType, lists: frozenset[str] | None) -> bool:
    if isinstance(dtype, pl.List) and (lists is None or column in lists):
        return _is_plain(pl.List(dtype.inner).inner)  # type: ignore[arg-type]  # an instance, once in a schema
    return _is_plain(dtype)


def _is_plain(dtype: pl.DataType) -> bool:
    return not (dtype.is_nested() or dtype in (pl.Binary, pl.Object))
