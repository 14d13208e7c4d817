"""cleanlab's arrays: given labels `(n,)` and out-of-sample probabilities `(n, k)`, for `find_label_issues`.

Labels are the numbers 0 to k - 1 of the classes, or their names; the columns of the probabilities are classes
in the order of their numbers, or in the sorted order of their names.
Always: rows and columns keep their order; what is no probability, no class, or of another length is refused
with its row.
Not covered: several labels a row, and labels of tokens or boxes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.inspect import inspect_file
from smallcraft.data.load import read_source
from smallcraft.errors import DataError, InvalidInputError, NotFoundError
from smallcraft.pipeline.config import FILE_NAME, render_config
from smallcraft.pipeline.importing.imported import Became, Imported, write_files

ROWS, PROBS = "rows.parquet", "probs.parquet"
_LABEL, _GIVEN = "label", "given_label"
_PREFIX = "prob_"
_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class CleanlabFiles:
    """What a user of cleanlab has.

    Attributes:
        labels: `.npy`, or a table with one column or a column `label`.
        probs: `.npy`, or a table with a column a class.
        rows: The rows themselves; None for the probabilities alone.
        classes: Names in the order of the columns; empty where the files say them.
    """

    labels: Path
    probs: Path
    rows: Path | None = None
    classes: tuple[str, ...] = ()


def import_cleanlab(files: CleanlabFiles, folder: Path) -> Imported:
    """Make a project folder from cleanlab's arrays.

    Raises:
        DataError: A file cannot be read, or the files do not fit each other.
        InvalidInputError: The folder holds something of that name.
    """
    probs, named = _read_probs(files.probs)
    labels, classes = _named(_read_labels(files.labels), files, named, columns=probs.shape[1])
    if len(labels) != len(probs):
        raise DataError(
            f"{files.labels} has {len(labels):,} labels and {files.probs} {len(probs):,} rows; give both for "
            "the same rows, in the same order"
        )
    table = pl.DataFrame({name: probs[:, column] for column, name in enumerate(classes)})
    rows = _rows(files, labels, table)
    label = rows.label
    write_files(folder, {ROWS: rows.frame.write_parquet, PROBS: table.write_parquet})
    guess = inspect_file(folder / ROWS, label=label)
    config = render_config(
        name=folder.resolve().name,
        path=ROWS,
        roles=guess.roles,
        metric=guess.metric,
        reasons={"label": f"the given labels of {files.labels.name}", "metric": guess.metric_reason},
    )
    write_files(folder, {FILE_NAME: lambda path: path.write_text(config, encoding="utf-8")})
    check = ("check", str(folder / ROWS), "--label", label, "--probs", str(folder / PROBS))
    return Imported(folder, _became(files, classes, rows), (check, ("build", "--project", str(folder))))


def read_classes(said: str) -> tuple[str, ...]:
    """Names of classes: `a,b,c`, a `.json` list or object of number to name, or a text file of a name a line.

    Raises:
        InvalidInputError: The file holds neither.

    >>> read_classes("billing, login")
    ('billing', 'login')
    """
    path = Path(said)
    if path.suffix not in {".json", ".txt"}:
        return tuple(word.strip() for word in said.split(",") if word.strip())
    if not path.is_file():
        raise NotFoundError(f"there is no file {path}; --classes takes a,b,c or a file of names")
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix == ".txt":
        return tuple(line.strip() for line in text.splitlines() if line.strip())
    try:
        told = json.loads(text)
        if isinstance(told, dict):
            told = [told[str(number)] for number in range(len(told))]
        if not isinstance(told, list):
            raise TypeError(type(told).__name__)  # noqa: TRY301 - one message for all
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(
            f"{path} must be a list of names, or an object of 0, 1, ... to names, got {error}; write it so"
        ) from error
    return tuple(map(str, told))


def _read_labels(path: Path) -> NDArray[Any]:
    if path.suffix == ".npy":
        labels = _load(path)
        if labels.ndim != 1 or labels.dtype.kind not in "iuUS":
            raise DataError(
                f"{path} must hold one label a row, whole numbers or names, got {labels.shape} of "
                f"{labels.dtype}; several labels a row cannot be imported"
            )
        return labels
    frame = read_source(str(path), None).frame
    name = _LABEL if _LABEL in frame.columns else frame.columns[0] if frame.width == 1 else None
    if name is None:
        raise DataError(
            f"{path} must have one column, or one that is called '{_LABEL}', got "
            f"{', '.join(frame.columns[:8])}; keep the labels alone"
        )
    if missing := frame[name].null_count():
        row = int(frame[name].is_null().arg_true()[0])
        raise DataError(f"{path} lacks {missing:,} labels, the first in row {row + 1}; label or drop them")
    values = frame[name].cast(pl.String)
    numbers = values.cast(pl.Int64, strict=False)
    return np.asarray((values if numbers.null_count() else numbers).to_numpy())


def _read_probs(path: Path) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    names: tuple[str, ...] = ()
    if path.suffix == ".npy":
        probs = _load(path)
    else:
        frame = read_source(str(path), None).frame
        names = tuple(frame.columns)
        probs = frame.select(pl.all().cast(pl.Float64, strict=False)).to_numpy()
    if probs.ndim != 2 or probs.shape[1] < 2 or probs.dtype.kind != "f":
        raise DataError(
            f"{path} must hold (rows, classes) floating-point numbers, got {probs.shape} of {probs.dtype}; "
            "save what predict_proba gave for every row, out of sample"
        )
    probs = np.asarray(probs, dtype=np.float64)
    wrong = ~np.isfinite(probs).all(1) | (probs < 0).any(1) | (np.abs(probs.sum(1) - 1) > _SUM_TOLERANCE)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"{path}, row {row + 1}: probabilities that add up to 1 were wanted, got "
            f"{np.array2string(probs[row], precision=3, threshold=6)}; {int(wrong.sum()):,} rows are like it"
        )
    return probs, names


def _load(path: Path) -> NDArray[Any]:
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {path}; check the path") from error
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            f"{path} cannot be read as a numpy array: {error}; write it with numpy.save"
        ) from error


def _named(
    labels: NDArray[Any], files: CleanlabFiles, named: tuple[str, ...], *, columns: int
) -> tuple[list[str], tuple[str, ...]]:
    """Labels by name, and the names in the order of the columns."""
    said = files.classes or named
    if labels.dtype.kind in "iu":
        classes = said or tuple(map(str, range(columns)))
        _require_count(classes, files, columns)
        wrong = (labels < 0) | (labels >= columns)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise DataError(
                f"{files.labels}, row {row + 1}: the number of a class, 0 to {columns - 1}, was wanted, got "
                f"{labels[row]}; {files.probs} has {columns} columns"
            )
        return [classes[int(label)] for label in labels], classes
    names = [str(label) for label in labels.tolist()]
    classes = said or tuple(sorted(set(names)))
    _require_count(classes, files, columns)
    strange = next((row for row, name in enumerate(names) if name not in set(classes)), None)
    if strange is not None:
        raise DataError(
            f"{files.labels}, row {strange + 1}: '{names[strange]}' is no class of {', '.join(classes[:8])}; "
            "name all of them with --classes, in the order of the columns"
        )
    return names, classes


def _require_count(classes: Sequence[str], files: CleanlabFiles, columns: int) -> None:
    if len(classes) != columns or len(set(classes)) != columns:
        raise DataError(
            f"{files.probs} has {columns} columns, and {len(set(classes))} classes are known "
            f"({', '.join(classes[:8])}); name each column once with --classes, in their order"
        )


@dataclass(frozen=True)
class _Labelled:
    """The rows with their labels.

    Attributes:
        frame: As it is written.
        label: What the column of the given labels is called.
        same: Columns that say the same as the labels, left out: a model must not read them.
    """

    frame: pl.DataFrame
    label: str = _LABEL
    same: tuple[str, ...] = ()


def _rows(files: CleanlabFiles, labels: list[str], probs: pl.DataFrame) -> _Labelled:
    given = pl.Series(_LABEL, labels)
    if files.rows is None:
        columns = probs.rename({name: f"{_PREFIX}{name}" for name in probs.columns})
        return _Labelled(columns.with_columns(given))
    frame = read_source(str(files.rows), None).frame
    if frame.height != len(labels):
        raise DataError(
            f"{files.rows} has {frame.height:,} rows and {files.labels} {len(labels):,} labels; give the "
            "rows that were judged, in the same order"
        )
    same = tuple(name for name in frame.columns if _says_the_same(frame[name], given))
    frame = frame.drop(same)
    if not frame.width:
        raise DataError(
            f"{files.rows} holds the labels and nothing else; give the rows themselves, or leave --rows out"
        )
    name = _GIVEN if _LABEL in frame.columns else _LABEL
    return _Labelled(frame.with_columns(given.alias(name)), name, same)


def _says_the_same(column: pl.Series, labels: pl.Series) -> bool:
    """Whether each label stands for one value of the column and the other way round."""
    values = pl.DataFrame({"value": column.cast(pl.String), "label": labels})
    pairs = values.unique().height
    return pairs > 1 and pairs == values["value"].n_unique() == values["label"].n_unique()


def _became(files: CleanlabFiles, classes: Sequence[str], rows: _Labelled) -> tuple[Became, ...]:
    told = ", ".join(classes[:4]) + (f" and {len(classes) - 4} more" if len(classes) > 4 else "")
    found = [
        Became(str(files.labels), f"the column '{rows.label}' of {ROWS}: {rows.frame.height:,} rows"),
        Became(str(files.probs), f"{PROBS}, a column a class: {told}"),
    ]
    if files.rows is None:
        inputs = "the rows were not given (--rows), so the probabilities stand as what a model may read"
        found.append(Became(ROWS, inputs))
    else:
        found.append(Became(str(files.rows), f"the other {rows.frame.width - 1} columns of {ROWS}"))
    found += [
        Became(f"the column '{name}'", "left out: it says the same as the labels") for name in rows.same
    ]
    return tuple(found)
