"""Other rows in the types of train's, and the id that a row is known by wherever it comes from.

An id is the digest of what a model reads of a row, after its values read as train's do.
Leaves to others: which rows there are (`pipeline.labelling.rows`).
Always: equal rows have equal ids, from a CSV, a Parquet file, JSON, or as a server kept them.
Not covered: a text that a server kept cut short is another row than the whole one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from smallcraft.data.columns import typed_columns
from smallcraft.data.table import row_digests
from smallcraft.errors import DataError
from smallcraft.pipeline.columns import input_spec
from smallcraft.pipeline.profiled_rows import typed_frame
from smallcraft.pipeline.stages.prepare import Prepared
from smallcraft.pipeline.times import seconds_of
from smallcraft.records import Roles, SplitName

_ID_BYTES = 8


def held_columns(roles: Roles) -> tuple[str, ...]:
    """What is held of a row: what a model reads, groups, key and time; each once."""
    beside = (*roles.groups, *(name for name in (roles.key, roles.time) if name))
    return tuple(dict.fromkeys((*roles.inputs, *beside)))


def row_items(frame: pl.DataFrame, roles: Roles) -> list[str]:
    """`n` ids of rows typed as in train, by what a model reads of them."""
    return [digest[:_ID_BYTES].hex() for digest in row_digests(frame, roles.inputs)]


def as_trained(frame: pl.DataFrame, train: pl.DataFrame, roles: Roles, *, source: str) -> pl.DataFrame:
    """Other rows in the types of train's, so that equal rows have equal ids.

    Args:
        frame: With the columns that a model reads; groups, key and time are missing where they are not there.
        train: The rows to be like.
        roles: Which column plays which part.
        source: Names the frame in messages.

    Raises:
        DataError: There is a column of times that is not filled.
    """
    names = held_columns(roles)
    typed = typed_frame(frame, input_spec(train, roles))
    beside = [name for name in names if name not in roles.inputs and name in frame.columns]
    others = typed_columns(frame.select(beside), roles).frame if beside else frame.select([])
    if roles.time in beside:
        others = others.with_columns(_times_like(others[roles.time], train[roles.time]))
    if roles.time and (roles.time not in beside or others[roles.time].null_count()):
        raise DataError(
            f"each new row must say when it was (column '{roles.time}', as in the data), got rows of {source}"
            " that do not; fill it in, or take `time` out of [data]"
        )
    found = {name: typed[name] for name in roles.inputs} | {name: others[name] for name in beside}
    return pl.DataFrame(
        [
            cast_values(found[name], train.schema[name])
            if name in found
            else pl.Series(name, [None] * frame.height, dtype=train.schema[name])
            for name in names
        ]
    )


def inputs_of(prepared: Prepared, split: SplitName) -> pl.DataFrame:
    """What a model reads of a split's rows, typed as in train, whatever file they stand in."""
    frames, roles = prepared.splits.frames, prepared.table.roles
    inputs = replace(roles, groups=(), key=None, time=None)
    return as_trained(frames[split], frames["train"], inputs, source=split)


def cast_values(series: pl.Series, dtype: pl.DataType) -> pl.Series:
    """The column in another type; what is no value of it is missing.

    >>> cast_values(pl.Series(["True", "false", "perhaps"]), pl.Boolean()).to_list()
    [True, False, None]
    """
    if dtype == pl.Boolean and series.dtype == pl.String:
        lowered = series.str.to_lowercase()
        is_known = lowered.is_in(["true", "false"]).fill_null(value=False)
        return (lowered == "true").set(~is_known, None)
    return series.cast(dtype, strict=False)


def _times_like(times: pl.Series, trained: pl.Series) -> pl.Series:
    """Moments as the numbers that train tells time in, seconds or milliseconds; missing if it is neither."""
    if not (times.dtype.is_temporal() and trained.dtype.is_numeric()):
        return times
    known, now = seconds_of(trained), seconds_of(times)
    if known is None or now is None or not len(known):
        return pl.Series(times.name, [None] * len(times), dtype=trained.dtype)
    in_a_second = np.round(np.nanmax(trained.cast(pl.Float64).to_numpy()) / np.nanmax(known))
    return pl.Series(times.name, now * in_a_second).cast(trained.dtype)
