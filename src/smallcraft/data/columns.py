"""Turns raw columns into typed ones by their roles and values, and finds the values that do not fit.

Readers give strings (CSV) or a file's own types (Parquet, JSON); the type of a feature is decided by its
values alone, so the same rows get the same types from every format:

- text: as it stands. Label (several, or numbers: `data.targets`), votes, key, groups: text, surrounding
  space cut; `1.0` in a column of whole numbers reads `1`, so a label 0/1 is "0"/"1" everywhere.
- a feature is a boolean when every value is true or false; a number (Float64) when every value reads as one;
  else a category. Codes with leading zeros (`007`) make a column categorical. Where at least
  `NUMERIC_SHARE` of the values read as numbers, the others are faults, not categories.
- time: ISO 8601 dates and times (no zone: UTC) as microseconds, or numbers.

Always: a blank value outside the text is null; nulls are allowed in features, votes, groups and key only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from smallcraft.data.badrows import shown
from smallcraft.data.table import text_form
from smallcraft.data.targets import WrittenLabels, written_tags, written_values
from smallcraft.records import Roles, Task

NUMERIC_SHARE = 0.95
_POINTED = r"^-?\d+\.0$"
_TIME_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d")
_ZONED_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z")


@dataclass(frozen=True)
class Fault:
    """A value that does not fit its column; `row` is its 0-based position."""

    row: int
    column: str
    value: str
    reason: str
    remedy: str


@dataclass(frozen=True)
class TypedColumns:
    """Columns with their types, and faults in order of row."""

    frame: pl.DataFrame
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class Spelling:
    """How a column's values are written, which decides its type; those of parts of a column add up.

    Attributes:
        filled: Values that are there.
        numbers: Of them, those that read as numbers.
        switches: Of them, `true` and `false`.
        pointed: Of them, whole numbers with a point, such as `1.0`.
        has_leading_zero: Whether one is a code such as `007`.
    """

    filled: int = 0
    numbers: int = 0
    switches: int = 0
    pointed: int = 0
    has_leading_zero: bool = False

    def __add__(self, other: Spelling) -> Spelling:
        return Spelling(
            self.filled + other.filled,
            self.numbers + other.numbers,
            self.switches + other.switches,
            self.pointed + other.pointed,
            self.has_leading_zero or other.has_leading_zero,
        )

    @property
    def are_switches(self) -> bool:
        """Whether every value is true or false."""
        return self.switches == self.filled > 0

    @property
    def are_numbers(self) -> bool:
        """Whether they are numbers, but for a few that are faults."""
        has_enough = self.numbers > 0 and self.numbers >= NUMERIC_SHARE * self.filled
        return has_enough and not self.has_leading_zero

    @property
    def are_pointed(self) -> bool:
        """Whether every value is a whole number with a point."""
        return self.pointed == self.filled > 0


def spelling_of(series: pl.Series) -> Spelling:
    """How a column as a reader gave it is written.

    >>> spelling_of(pl.Series(["1.0", " 2", "x", None]))
    Spelling(filled=3, numbers=2, switches=0, pointed=1, has_leading_zero=False)
    """
    text = _stripped(series)
    filled = len(text) - text.null_count()
    if series.dtype.is_numeric():
        return Spelling(filled, filled, pointed=0)
    numbers = text.cast(pl.Float64, strict=False)
    return Spelling(
        filled,
        len(numbers) - numbers.null_count(),
        int(text.str.to_lowercase().is_in(["true", "false"]).sum()),
        int(text.str.contains(_POINTED).sum()),
        bool(text.str.contains(r"^[+-]?0\d").any()),
    )


def typed_columns(
    raw: pl.DataFrame, roles: Roles, spellings: Mapping[str, Spelling] | None = None
) -> TypedColumns:
    """Type every column by its role and list every value that does not fit.

    Args:
        raw: Columns as a reader gave them; columns without a role are read as text.
        roles: Which column plays which part.
        spellings: Of whole columns, of which `raw` has some rows; None where it has all.

    Returns:
        The typed frame, same rows and order, and the faults.
    """
    columns: list[pl.Series] = []
    faults: list[Fault] = []
    for name in raw.columns:
        series, found = _typed(raw[name], name, roles, (spellings or {}).get(name))
        columns.append(series.rename(name))
        faults.extend(found)
    return TypedColumns(pl.DataFrame(columns), tuple(sorted(faults, key=lambda fault: fault.row)))


def _typed(
    series: pl.Series, name: str, roles: Roles, spelling: Spelling | None
) -> tuple[pl.Series, list[Fault]]:
    if name == roles.text:
        text = text_form(series)
        blank = text.is_null() | (text.str.strip_chars().str.len_bytes() == 0)
        return text, _faults(series, blank, "the text is missing or blank", "write it or remove the row")
    if name == roles.label:
        return _typed_label(series, roles, spelling)
    if name == roles.time:
        return _typed_time(series)
    if name in roles.features:
        return typed_feature(series, spelling)
    return code_text(series, spelling), []


def _typed_label(series: pl.Series, roles: Roles, spelling: Spelling | None) -> tuple[pl.Series, list[Fault]]:
    label = _LABELS[roles.task](series, roles, spelling)
    missing = label.text.is_null() & ~label.odd
    faults = _faults(series, missing, "the label is missing", "label or remove the row")
    return label.text, faults + _faults(series, label.odd, label.reason, label.remedy)


def written_labels(series: pl.Series, roles: Roles) -> pl.Series:
    """A label column in the one spelling of its task; null where there is no label, or none that it knows."""
    return _LABELS[roles.task](series, roles, None).text.rename(series.name)


def _written_classes(series: pl.Series, roles: Roles, spelling: Spelling | None) -> WrittenLabels:  # noqa: ARG001 - the table's shape
    text = code_text(series, spelling)
    return WrittenLabels(text, pl.Series([False] * len(text), dtype=pl.Boolean))


_LABELS: Mapping[Task, Callable[[pl.Series, Roles, Spelling | None], WrittenLabels]] = {
    "multiclass": _written_classes,
    "multilabel": lambda series, roles, _: written_tags(series, roles.separator),
    "regression": lambda series, *_: written_values(series),
}


def _faults(series: pl.Series, mask: pl.Series, reason: str, remedy: str) -> list[Fault]:
    rows = mask.fill_null(value=False).arg_true().to_list()
    return [
        Fault(row, series.name, str(series[row]), reason.replace("{}", shown(series[row])), remedy)
        for row in rows
    ]


def _stripped(series: pl.Series) -> pl.Series:
    """Text without surrounding space; blank is null."""
    text = text_form(series).str.strip_chars()
    return text.set(text.str.len_bytes() == 0, None)


def code_text(series: pl.Series, spelling: Spelling | None = None) -> pl.Series:
    """Labels, votes, keys and groups as text: no space around it, blank is null, no point in whole numbers.

    Args:
        series: As a reader gave it.
        spelling: Of the whole column, of which these are some values; None where these are all.

    >>> code_text(pl.Series(["1.0", " 2.0", ""])).to_list()
    ['1', '2', None]
    """
    text = _stripped(series)
    are_pointed = (
        text.str.contains(_POINTED).all() and text.null_count() < len(text)
        if spelling is None
        else spelling.are_pointed
    )
    return text.str.strip_suffix(".0") if are_pointed else text


def typed_feature(series: pl.Series, spelling: Spelling | None = None) -> tuple[pl.Series, list[Fault]]:
    """A feature by the values it holds, and the values that do not fit.

    Args:
        series: As a reader gave it.
        spelling: Of the whole column, of which these are some values; None where these are all.

    >>> typed_feature(pl.Series("age", ["31", " 4.5", ""]))[0].to_list()
    [31.0, 4.5, None]
    """
    if spelling is None and series.dtype == pl.Boolean:
        return series, []
    if spelling is None and series.dtype.is_numeric():
        return _finite(series, _as_double(series))
    spelling = spelling_of(series) if spelling is None else spelling
    text = _stripped(series)
    if spelling.are_switches:
        return text.str.to_lowercase() == "true", []
    if not spelling.are_numbers:
        return text, []
    if series.dtype.is_numeric():
        return _finite(series, _as_double(series))
    numbers = text.cast(pl.Float64, strict=False)
    unread = text.is_not_null() & numbers.is_null()
    misfits = _faults(
        series,
        unread,
        f"{{}} is not a number, as {spelling.numbers:,} of {spelling.filled:,} values of the column are",
        "write a number or leave it empty; if these are codes, give every one a letter in front",
    )
    finite, infinite = _finite(series, numbers)
    return finite, misfits + infinite


def _as_double(series: pl.Series) -> pl.Series:
    # A 32-bit float is read by its shortest decimal, so that 0.1 from Parquet is 0.1 from CSV.
    if series.dtype == pl.Float32:
        series = series.cast(pl.String)
    return series.cast(pl.Float64)


def _finite(series: pl.Series, numbers: pl.Series) -> tuple[pl.Series, list[Fault]]:
    odd = ~numbers.is_finite()
    remedy = "leave the value empty where it is not known"
    return numbers, _faults(series, odd, "{} is not a finite number", remedy)


def _typed_time(series: pl.Series) -> tuple[pl.Series, list[Fault]]:
    if series.dtype == pl.Date or isinstance(series.dtype, pl.Datetime):
        parsed = _without_zone(series.cast(pl.Datetime("us", getattr(series.dtype, "time_zone", None))))
    elif series.dtype.is_numeric():
        parsed = series.fill_nan(None) if series.dtype.is_float() else series
    else:
        text = _stripped(series)
        parsed = text.cast(pl.Int64, strict=False)
        if parsed.null_count() > text.null_count():
            parsed = parse_times(text)
    remedy = "write ISO 8601, for example 2026-01-31T14:05:00, or remove the row"
    return parsed, _faults(series, parsed.is_null(), "{} is not a date or time", remedy)


def parse_times(text: pl.Series) -> pl.Series:
    """ISO 8601 text as Datetime in microseconds, UTC without a zone; null where it is not a time.

    >>> parse_times(pl.Series(["2026-01-02 03:04:05+02:00", "soon"])).to_list()
    [datetime.datetime(2026, 1, 2, 1, 4, 5), None]
    """
    text = text.str.replace(r"^(\d{4}-\d{2}-\d{2}) ", "${1}T")
    readings = [
        _without_zone(text.str.to_datetime(form, strict=False, time_unit="us"))
        for form in (*_ZONED_FORMATS, *_TIME_FORMATS)
    ]
    return pl.select(pl.coalesce(readings)).to_series().rename(text.name)


def _without_zone(times: pl.Series) -> pl.Series:
    if getattr(times.dtype, "time_zone", None):
        times = times.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return times


def empty_columns(frame: pl.DataFrame) -> Iterator[str]:
    """Names of the columns that hold nothing but nulls."""
    for name in frame.columns:
        if frame[name].null_count() == frame.height:
            yield name
