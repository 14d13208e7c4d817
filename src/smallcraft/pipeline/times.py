"""A column of times as seconds since 1970 UTC.

Always: dates, ISO 8601 text, and numbers of seconds or milliseconds since 1970 are read; a number too small
to be either is no time; what is no time beside others that are is missing.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.columns import parse_times

# March 1973 in seconds; the same number of milliseconds is in January 1970.
_EARLIEST = 1e8
_MILLISECONDS = 1e11
_MICROSECONDS = 1_000_000


def seconds_of(series: pl.Series) -> NDArray[np.float64] | None:
    """`(n,)` float64 seconds, NaN where there is no time; None where the column holds something else.

    >>> seconds_of(pl.Series(["2026-01-01", None])).tolist()
    [1767225600.0, nan]
    """
    if series.dtype == pl.String:
        text = series.str.strip_chars()
        numbers = text.cast(pl.Float64, strict=False)
        series = numbers if numbers.null_count() == text.null_count() else parse_times(text)
        if series.null_count() == len(series) > text.null_count():
            return None
    if series.dtype.is_temporal() and series.dtype != pl.Time and not isinstance(series.dtype, pl.Duration):
        zone = getattr(series.dtype, "time_zone", None)
        ticks = series.cast(pl.Datetime("us", zone)).cast(pl.Int64).cast(pl.Float64)
        return ticks.fill_null(float("nan")).to_numpy() / _MICROSECONDS
    if not series.dtype.is_numeric():
        return None
    found = series.cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float64)
    there = found[np.isfinite(found)]
    if not len(there) or np.abs(there).min() < _EARLIEST:
        return None
    return found / 1000 if np.abs(there).min() > _MILLISECONDS else found
