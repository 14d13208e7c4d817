"""A table: typed rows, the role of each column, and two digests that name the content.

Reading files belongs to `data.load`; this module turns a frame in memory into a `Table`.
Always: the label, text, key and votes are text; equal rows under equal column names give equal digests,
whatever file they came from and in whatever order the columns stand. Only columns with a role count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.errors import DataError, nearest_name
from smallcraft.records import Roles, TableRef

_DIGEST_FORMAT = b"smallcraft table 1\n"
_EXACT_BELOW = 2.0**63
_CHUNK_ROWS = 100_000


@dataclass(frozen=True)
class Table:
    """Rows with roles.

    Attributes:
        frame: The rows; original order.
        ref: Digests, row count and roles.
        source: Where the rows came from, for people.
        rows_read: Rows the source held, good and bad.
        rows_quarantined: Rows set aside with a reason.
        rows_left_out: Rows that were counted and not drawn into a sample; 0 for a table that is held whole.
            `rows_read - rows_quarantined - rows_left_out == frame.height`.
        positions: `(n,)` where each row stands among the rows of its source that could be read.
    """

    frame: pl.DataFrame
    ref: TableRef
    source: str
    rows_read: int
    rows_quarantined: int
    positions: NDArray[np.int64] = field(compare=False, repr=False)
    rows_left_out: int = 0

    @property
    def roles(self) -> Roles:
        """Which column plays which part."""
        return self.ref.roles


def make_table(
    frame: pl.DataFrame,
    roles: Roles,
    *,
    source: str,
    rows_quarantined: int = 0,
    positions: NDArray[np.int64] | None = None,
) -> Table:
    """Bind rows to roles and digest them.

    The digest rule. Each row becomes SHA-256 over its role columns in order of column name; each value is
    written with its length in front, a null as its own mark. Families: text (strings, categories),
    boolean, time (microseconds since 1970, UTC), number. Numbers are one family: a whole number is written
    as an integer, so `1` and `1.0` of any width agree and `-0.0` is `0`; any other float is written by its
    64 bits. `digest` is SHA-256 over column names, families and the row hashes in order;
    `order_free_digest` over the same with the row hashes sorted.

    Args:
        frame: Rows; must hold every column that has a role.
        roles: Which column plays which part.
        source: Where the rows came from, for people.
        rows_quarantined: Rows of the source that were set aside before.
        positions: `(n,)` where each row stands in its source; None when none was set aside.

    Returns:
        The table; label, text, key and vote columns cast to text.

    Raises:
        DataError: A column with a role is missing or holds nested values.

    >>> rows = pl.DataFrame({"text": ["hi", "bye"], "label": [0, 1]})
    >>> table = make_table(rows, Roles(label="label", text="text"), source="example")
    >>> table.frame["label"].to_list(), table.ref.rows
    (['0', '1'], 2)
    """
    require_columns(roles.named, frame.columns, source=source)
    as_text_columns = [c for c in (roles.label, roles.text, roles.key, *roles.votes) if c]
    frame = frame.with_columns(text_form(frame[name]).alias(name) for name in dict.fromkeys(as_text_columns))
    ref = _table_ref(frame, roles)
    stands = np.arange(frame.height, dtype=np.int64) if positions is None else positions
    return Table(frame, ref, source, frame.height + rows_quarantined, rows_quarantined, stands)


def require_columns(wanted: Sequence[str], known: Sequence[str], *, source: str) -> None:
    """Refuse a table that lacks a column.

    Raises:
        DataError: The first missing column, with the nearest name there is.
    """
    for name in wanted:
        if name not in known:
            has = ", ".join(f"'{column}'" for column in known)
            raise DataError(
                f"column '{name}' is not in {source}; it has {has}{nearest_name(name, known)}"
                + _separator_hint(known)
            )


def _separator_hint(known: Sequence[str]) -> str:
    if len(known) == 1:
        for separator, name in (
            (";", "semicolons"),
            ("\t", "tabs"),
            ("|", "bars"),
            (",", "commas"),
        ):
            if separator in known[0]:
                return f" - it seems to be separated by {name}: save it with commas as .csv or tabs as .tsv"
    return ""


def text_form(series: pl.Series) -> pl.Series:
    """A column as text: strings as they are, whole numbers without a point, booleans as true and false.

    Raises:
        DataError: Values without one plain text form (lists, structs, bytes).

    >>> text_form(pl.Series([1.0, 2.5, None])).to_list()
    ['1', '2.5', None]
    """
    if series.dtype == pl.String:
        return series
    if series.dtype.is_nested() or series.dtype in (pl.Binary, pl.Object):
        raise DataError(
            f"column '{series.name}' must hold plain values, got {series.dtype}; flatten it first"
        )
    if isinstance(series.dtype, pl.Decimal):
        series = series.cast(pl.Float64)
    if series.dtype.is_float():
        return _float_text(series)
    if isinstance(series.dtype, pl.Datetime):
        return series.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f")
    if series.dtype == pl.Duration:
        return series.dt.to_string("iso")
    return series.cast(pl.String)


def _float_text(series: pl.Series) -> pl.Series:
    frame = series.fill_nan(None).to_frame("x")
    x = pl.col("x")
    whole = (x == x.round()) & (x.abs() < _EXACT_BELOW)
    text = pl.when(whole).then(x.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(x.cast(pl.String))
    return frame.select(text).to_series().rename(series.name)


def row_digests(frame: pl.DataFrame, columns: Sequence[str]) -> list[bytes]:
    """SHA-256 of each row over the given columns, by the rule of `make_table`.

    Returns:
        One digest of 32 bytes a row, in row order.
    """
    names = sorted(set(columns))
    if not names:
        return [hashlib.sha256(b"").digest()] * frame.height
    digests: list[bytes] = []
    for start in range(0, frame.height, _CHUNK_ROWS):
        part = frame.select(names).slice(start, _CHUNK_ROWS)
        rows = pl.DataFrame({str(at): _encoded(part[name])[1] for at, name in enumerate(names)})
        joined = rows.select(pl.concat_str(pl.all()).cast(pl.Binary)).to_series()
        digests.extend(hashlib.sha256(row).digest() for row in joined.to_list())
    return digests


def _table_ref(frame: pl.DataFrame, roles: Roles) -> TableRef:
    names = sorted(roles.named)
    header = hashlib.sha256(_DIGEST_FORMAT)
    for name in names:
        family = _encoded(frame[name].head(0))[0]
        header.update(f"{len(name.encode())}:{name}={family}\n".encode())
    rows = b"".join(row_digests(frame, names))
    ordered, order_free = header.copy(), header.copy()
    ordered.update(rows)
    order_free.update(b"any order\n")
    order_free.update(np.sort(np.frombuffer(rows, dtype="S32")).tobytes())
    return TableRef(
        digest=f"sha256:{ordered.hexdigest()}",
        order_free_digest=f"sha256:{order_free.hexdigest()}",
        rows=frame.height,
        roles=roles,
    )


def _encoded(series: pl.Series) -> tuple[str, pl.Series]:
    """The column's family, and each value as length-prefixed text; a null is `~`."""
    dtype = series.dtype
    if dtype.is_integer() or dtype.is_float() or isinstance(dtype, pl.Decimal):
        family, text = "number", _number_code(series)
    elif dtype == pl.Boolean:
        family, text = "boolean", series.cast(pl.String)
    elif dtype == pl.Date or isinstance(dtype, pl.Datetime):
        family, text = "time", series.cast(pl.Datetime("us")).cast(pl.Int64).cast(pl.String)
    else:
        family, text = "text", text_form(series)
    x = pl.col("x")
    coded = pl.concat_str(x.str.len_bytes().cast(pl.String), pl.lit(":"), x).fill_null("~")
    return family, text.to_frame("x").select(coded).to_series()


def _number_code(series: pl.Series) -> pl.Series:
    """Whole numbers as integers, other floats by their bits: stable where decimal printing may change."""
    if series.dtype.is_integer():
        return series.cast(pl.String)
    exact = series.cast(pl.Float64)
    bits = pl.Series("bits", _bits(exact))
    frame = pl.DataFrame({"x": exact, "bits": bits})
    x = pl.col("x")
    whole = (x == x.round()) & (x.abs() < _EXACT_BELOW)
    code = (
        pl.when(x.is_null())
        .then(None)
        .when(whole)
        .then(x.cast(pl.Int64, strict=False).cast(pl.String))
        .otherwise(pl.concat_str(pl.lit("x"), pl.col("bits").cast(pl.String)))
    )
    return frame.select(code).to_series()


def _bits(floats: pl.Series) -> NDArray[np.int64]:
    values = floats.fill_null(0.0).to_numpy().astype(np.float64)
    values[np.isnan(values)] = np.nan
    return values.view(np.int64)
