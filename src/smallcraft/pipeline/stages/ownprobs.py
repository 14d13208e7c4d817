"""Probabilities that the user brings along, one row a row of the data, instead of a model trained here.

Always: columns are classes by name, or, in a plain array, the table's classes in sorted order; rows stand in
the order of the data file. Whether they were made out of sample only the user knows.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.load import read_source
from smallcraft.errors import DataError, nearest_name
from smallcraft.records import Predictions, Roles

_ARRAY = ".npy"


def read_probabilities(path: Path, frame: pl.DataFrame, roles: Roles) -> Predictions:
    """The user's probabilities beside the given labels.

    Args:
        path: `.npy` with an `(n, k)` array, or a table (`.parquet .csv .tsv .jsonl`) with a column a class.
        frame: The rows they belong to, in file order.
        roles: Which column is the label.

    Raises:
        DataError: Another number of rows or classes, a column that is no class, values that are no numbers.
    """
    classes, probs = _read_array(path, frame, roles) if path.suffix == _ARRAY else _read_table(path)
    if len(probs) != frame.height:
        raise DataError(
            f"{path} must have a row for each of the {frame.height:,} rows of the data, got {len(probs):,}; "
            "write the probabilities of every row, in the order of the file"
        )
    for label in frame[roles.label].unique().sort().to_list():
        if label not in classes:
            raise DataError(
                f"{path} has no probabilities of the class '{label}'{nearest_name(label, classes)}; "
                "name each column as its class"
            )
    codes = {name: code for code, name in enumerate(classes)}
    truth = np.array([codes[label] for label in frame[roles.label].to_list()], dtype=np.int64)
    return Predictions(classes, truth, probs)


def _read_array(path: Path, frame: pl.DataFrame, roles: Roles) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    try:
        probs = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            f"{path} cannot be read as a numpy array: {error}; write it with numpy.save"
        ) from error
    classes = tuple(frame[roles.label].unique().sort().to_list())
    if probs.ndim != 2 or probs.shape[1] != len(classes) or not np.issubdtype(probs.dtype, np.floating):
        raise DataError(
            f"{path} must hold (rows, {len(classes)}) floating-point numbers, a column for each class in "
            f"sorted order, got {probs.shape} of {probs.dtype}; or write a table with a column a class"
        )
    return classes, np.asarray(probs, dtype=np.float64)


def _read_table(path: Path) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    frame = read_source(path, None).frame
    columns = []
    for name in frame.columns:
        values = frame[name].cast(pl.Float64, strict=False)
        if values.null_count():
            row = int(values.is_null().arg_true()[0])
            raise DataError(
                f"{path}, row {row + 1}, column '{name}': a probability was wanted, got "
                f"{frame[name][row]!r}; the file holds one column a class and nothing else"
            )
        columns.append(values.to_numpy())
    return tuple(frame.columns), np.column_stack(columns).astype(np.float64)
