"""Profiles of whole tables: columns of numbers, and of anything else as categories.

Leaves to others: rows that a server answers (`data.profiles.measuring`), texts (`data.profiles.texts`).
Always: a table's profile is that of its rows in any order; what is no number is compared by its text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.profiles.categories import LONGEST_VALUE, CategoryProfile, from_counts
from smallcraft.data.profiles.numeric import from_histogram
from smallcraft.data.profiles.profile import ColumnProfile, Profile
from smallcraft.errors import DataError, nearest_name
from smallcraft.stats.category_counts import CAPACITY, CategoryCounts
from smallcraft.stats.histograms import count_values

Arrays = Mapping[str, NDArray[np.float64] | Sequence[str | None] | pl.Series]


def profile_frame(frame: pl.DataFrame, *, columns: Sequence[str] | None = None) -> Profile:
    """Profile a table.

    Args:
        frame: Any rows.
        columns: Which ones; None is all.

    Raises:
        DataError: A column is not there.
    """
    names = list(frame.columns if columns is None else columns)
    for name in names:
        if name not in frame.columns:
            raise DataError(
                f"column '{name}' is not there; there are {', '.join(frame.columns)}"
                f"{nearest_name(name, frame.columns)}"
            )
    return Profile(frame.height, 0, {name: profile_series(frame[name]) for name in names})


def profile_arrays(arrays: Arrays) -> Profile:
    """Profile columns that are at hand as arrays of numbers, or of strings.

    Args:
        arrays: Columns of one length.

    Raises:
        DataError: Lengths differ.
    """
    lengths = {len(column) for column in arrays.values()}
    if len(lengths) > 1:
        raise DataError(f"columns have one length, got {sorted(lengths)}; give each row a value or None")
    columns = {name: profile_series(pl.Series(name, column)) for name, column in arrays.items()}
    return Profile(lengths.pop() if lengths else 0, 0, columns)


def profile_series(column: pl.Series) -> ColumnProfile:
    """Profile one column."""
    if column.dtype.is_numeric():
        return _numbers(column)
    if column.dtype.is_temporal() and column.dtype != pl.Time:
        return _numbers(column.cast(pl.Int64))
    return _categories(column)


def _numbers(column: pl.Series) -> ColumnProfile:
    nulls = column.null_count()
    values = (column.drop_nulls() if nulls else column).cast(pl.Float64).to_numpy()
    return from_histogram(count_values(np.asarray(values), nulls=nulls))


def _categories(column: pl.Series) -> CategoryProfile:
    if not isinstance(column.dtype, pl.String | pl.Categorical | pl.Enum):
        column = column.cast(pl.String)
    # Cut first: values with the same beginning add up.
    named = column.cast(pl.String).str.slice(0, LONGEST_VALUE) if column.dtype == pl.String else column
    counted = named.value_counts(sort=False, name="times")
    nulls = column.null_count()
    kept, off = _most_frequent(counted.filter(pl.col(column.name).is_not_null()))
    counts = dict(zip(kept[column.name].cast(pl.String).to_list(), kept["times"].to_list(), strict=True))
    if not off:
        return from_counts(counts, n=len(column), nulls=nulls)
    named_counts = {value: counts[value] for value in sorted(counts)}
    lost = len(column) - nulls - sum(counts.values())
    return CategoryProfile(CategoryCounts(named_counts, nulls, lost, off), len(column), CAPACITY)


def _most_frequent(counted: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """What `stats.category_counts` keeps of many values, found before they become Python's; and the error."""
    if counted.height <= CAPACITY:
        return counted, 0
    off = int(counted["times"].top_k(CAPACITY + 1).min())  # type: ignore[arg-type]  # of rows that are there
    kept = counted.filter(pl.col("times") > off)
    return kept.with_columns(pl.col("times") - off), off
