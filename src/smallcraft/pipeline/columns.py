"""From a frame's columns to the rows a bundle reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.bundle.inputs import InputSpec
from smallcraft.errors import DataError
from smallcraft.records import Roles


def input_spec(frame: pl.DataFrame, roles: Roles) -> InputSpec:
    """Which columns a model reads, and how: numeric features as numbers, all others as categories."""
    numbers = tuple(name for name in roles.features if frame.schema[name].is_numeric())
    categories = tuple(name for name in roles.features if name not in numbers)
    return InputSpec(roles.text, numbers, categories)


def bundle_rows(frame: pl.DataFrame, spec: InputSpec, *, source: str) -> Mapping[str, Sequence[object]]:
    """The columns a bundle reads, as lists.

    Args:
        frame: Holds at least the columns of `spec`.
        spec: The bundle's columns; among its categories `True` and `TRUE` are one with `true`.
        source: Names the frame in messages.

    Raises:
        DataError: A column the bundle reads as numbers holds something else.
    """
    for name in spec.numbers:
        if not frame.schema[name].is_numeric() and frame[name].null_count() < frame.height:
            raise DataError(
                f"column '{name}' of {source} must hold numbers, as in training, got {frame.schema[name]}; "
                "look for text among its values"
            )
    return {
        name: (_one_truth(frame[name]) if name in spec.categories else frame[name]).to_list()
        for name in spec.names
    }


def _one_truth(series: pl.Series) -> pl.Series:
    """A column of nothing but `True` and `False` is boolean; beside other words they must read the same."""
    if series.dtype != pl.String:
        return series
    lowered = series.str.to_lowercase()
    return lowered.zip_with(lowered.is_in(["true", "false"]).fill_null(value=False), series)


def key_codes(keys: pl.Series) -> NDArray[np.int64]:
    """`(n,)` codes, equal for rows of one key; a row without a key stands alone.

    >>> key_codes(pl.Series(["b", None, "b", None])).tolist()
    [1, -2, 1, -4]
    """
    ranks = keys.rank("dense").cast(pl.Int64)
    alone = pl.Series(-1 - np.arange(len(keys), dtype=np.int64))
    return ranks.zip_with(ranks.is_not_null(), alone).to_numpy().astype(np.int64)
