"""Columns of a table that comes in chunks: each tallied by itself, tallies merged, types decided at last.

    chunk -> tally -> merged tally -> (both sides) column of numbers, of categories, or free text

A column is one of numbers where every value that is there reads as one; that is known at the end only, so a
column of text is tallied both ways until a value says that it holds no numbers.
Leaves to others: reading chunks (`data.partitions`), comparing profiles (`observe.comparing`).
Always: counts are those of the whole table in one chunk, in whatever chunks it comes; sums but for float64
rounding. Past 10,000 different values the counts of categories, and past 4,096 their number, are estimates
that depend on where the chunks end, and on nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from smallcraft.data.profiles.categories import CategoryProfile, merge_categories
from smallcraft.data.profiles.numeric import NumericProfile, merge_numbers
from smallcraft.data.profiles.profile import ColumnProfile, Profile
from smallcraft.data.table import text_form
from smallcraft.observe.frames import profile_series
from smallcraft.stats.distinct import Distinct, merge_distinct, sketch_distinct

# Where nearly every value is another one, a share of values says nothing.
_MOST_DIFFERENT = 0.5
_FEWEST_ROWS = 50


@dataclass(frozen=True)
class ColumnTally:
    """What chunks said of one column.

    Attributes:
        n: Rows.
        numbers: Where every value that was there reads as a number; else None.
        categories: By the text of each value; None for numbers that were stored as such.
        distinct: Different texts, a missing one among them; None for numbers that were stored as such.
        is_stored: Whether all of it was stored as numbers or times, not as text; None without a value, which
            tells neither.
    """

    n: int
    numbers: NumericProfile | None
    categories: CategoryProfile | None
    distinct: Distinct | None
    is_stored: bool | None

    @property
    def reads_as_numbers(self) -> bool:
        """Whether every value that is there reads as a number, and one is."""
        return self.numbers is not None and self.is_stored is not None

    @property
    def is_free_text(self) -> bool:
        """Whether nearly every value is another one."""
        if self.distinct is None or self.n < _FEWEST_ROWS:
            return False
        return self.distinct.count > _MOST_DIFFERENT * self.n


@dataclass(frozen=True)
class Tally:
    """What chunks said of all columns.

    Attributes:
        rows: How many came.
        columns: By name, in the order in which they were first seen.
    """

    rows: int = 0
    columns: Mapping[str, ColumnTally] = field(default_factory=dict)


def tally_frame(frame: pl.DataFrame, *, as_text: Iterable[str] = ()) -> Tally:
    """Tally a chunk.

    Args:
        frame: Its rows.
        as_text: Columns whose numbers are told by their text too, since other chunks hold text there.
    """
    texts = frozenset(as_text)
    return Tally(frame.height, {name: _tally(frame[name], is_text=name in texts) for name in frame.columns})


def merge_tallies(tallies: Sequence[Tally]) -> Tally:
    """One tally of the rows of several; a column that some lack has no values there.

    Args:
        tallies: In any order, but the same one each time: of values beyond 10,000 it decides which stay.
    """
    if len(tallies) == 1:
        return tallies[0]
    names = dict.fromkeys(name for part in tallies for name in part.columns)
    return Tally(
        sum(part.rows for part in tallies),
        {name: _merged([_column(part, name) for part in tallies]) for name in names},
    )


def to_read_again(tally: Tally, other: Tally) -> tuple[str, ...]:
    """Columns whose numbers have to be told by their text: here or on the other side there is other text.

    Args:
        tally: Of one side.
        other: Of the other.
    """
    numbers = _number_columns(tally, other)
    return tuple(
        name
        for name, column in tally.columns.items()
        if name not in numbers and column.categories is None and not column.is_stored
    )


def typed_profiles(reference: Tally, current: Tally) -> tuple[Profile, Profile, tuple[str, ...]]:
    """Both sides as profiles whose columns are typed alike, and the columns of free text, left out of both.

    Args:
        reference: What was; nothing of it is `to_read_again`.
        current: What is, likewise.
    """
    numbers = _number_columns(reference, current)
    free = tuple(
        name for name, column in reference.columns.items() if name not in numbers and column.is_free_text
    )
    before, after = (
        Profile(
            tally.rows,
            0,
            {
                name: _profile(column, is_number=name in numbers)
                for name, column in tally.columns.items()
                if name not in free
            },
        )
        for tally in (reference, current)
    )
    return before, after, free


def _number_columns(*sides: Tally) -> frozenset[str]:
    """Columns that read as numbers on each side that has them."""
    return frozenset(
        name
        for side in sides
        for name in side.columns
        if all(other.columns[name].reads_as_numbers for other in sides if name in other.columns)
    )


def _profile(column: ColumnTally, *, is_number: bool) -> ColumnProfile:
    profile = column.numbers if is_number or column.is_stored else column.categories
    assert profile is not None, "columns of both kinds were read again as text"
    return profile


def _tally(column: pl.Series, *, is_text: bool) -> ColumnTally:
    if _is_stored(column.dtype) and not is_text:
        return ColumnTally(len(column), _numbers(column), None, None, is_stored=True)
    text = text_form(column) if _is_stored(column.dtype) else column
    categories = profile_series(text)
    assert isinstance(categories, CategoryProfile), "text has a profile of categories"
    # Booleans and the like have few values and are never free text.
    hashes = text.hash(0).to_numpy() if text.dtype == pl.String else np.zeros(1, dtype=np.uint64)
    return ColumnTally(
        len(column),
        _read_as_numbers(column),
        categories,
        sketch_distinct(hashes),
        is_stored=None if column.null_count() == len(column) else False,
    )


def _is_stored(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or (dtype.is_temporal() and dtype != pl.Time)


def _numbers(column: pl.Series) -> NumericProfile:
    profile = profile_series(column)
    assert isinstance(profile, NumericProfile), "what is stored as numbers has a profile of numbers"
    return profile


def _read_as_numbers(column: pl.Series) -> NumericProfile | None:
    if column.dtype.is_numeric():
        return _numbers(column)
    if column.dtype not in (pl.String, pl.Null):
        return None
    cast = column.cast(pl.Float64, strict=False)
    return _numbers(cast) if cast.null_count() == column.null_count() else None


def _column(tally: Tally, name: str) -> ColumnTally:
    """What a chunk that lacks a column says of it: no values."""
    found = tally.columns.get(name)
    return _tally(pl.Series(name, [None] * tally.rows, pl.String), is_text=False) if found is None else found


def _merged(parts: Sequence[ColumnTally]) -> ColumnTally:
    kinds = {part.is_stored for part in parts} - {None}
    numbers = [part.numbers for part in parts if part.numbers is not None]
    categories = [part.categories for part in parts if part.categories is not None]
    sketches = [part.distinct for part in parts if part.distinct is not None]
    # What holds for one part only does not hold for all.
    whole = len(parts)
    return ColumnTally(
        sum(part.n for part in parts),
        merge_numbers(numbers) if len(numbers) == whole else None,
        merge_categories(categories) if len(categories) == whole else None,
        merge_distinct(sketches) if len(sketches) == whole else None,
        is_stored=None if not kinds else kinds == {True},
    )
