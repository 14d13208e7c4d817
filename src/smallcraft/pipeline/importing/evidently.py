"""Evidently's pair of files, reference and current, with its column mapping: a project over the reference.

The reference becomes the data of the project and is read where it lies. A prediction is what a model said and
never a feature; those of the current file become a file of answers for `evaluate`.
Always: neither file is changed or copied; a column that is named and not there is refused.
Not covered: predictions of several tasks, rankings, embeddings, presets and tests.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from smallcraft.data.inspect import Guess, inspect_file
from smallcraft.data.load import read_source
from smallcraft.data.table import require_columns
from smallcraft.errors import DataError, InvalidInputError, NotFoundError
from smallcraft.pipeline.config import FILE_NAME, render_config
from smallcraft.pipeline.importing.evidently_columns import Columns, read_columns
from smallcraft.pipeline.importing.imported import Became, Imported, Write, write_files
from smallcraft.records import Roles

ANSWERS = "answers.csv"
_PROBABILITY = "prob_"


@dataclass(frozen=True)
class EvidentlyFiles:
    """What a user of Evidently has.

    Attributes:
        reference: What was.
        current: What is.
        columns: Which column is what.
    """

    reference: Path
    current: Path
    columns: Columns


def read_mapping(path: Path) -> Columns:
    """A `ColumnMapping` or `DataDefinition`, written as JSON.

    Raises:
        NotFoundError: There is no such file.
        InvalidInputError: It is no JSON object, or says what neither has.
    """
    if not path.is_file():
        raise NotFoundError(f"there is no file {path}; check the path of --mapping")
    try:
        told: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise InvalidInputError(
            f"{path} is no JSON ({error}); write it with json.dump(dataclasses.asdict(mapping), file)"
        ) from error
    if not isinstance(told, Mapping):
        raise InvalidInputError(f"{path} must hold an object, got {type(told).__name__}; write one")
    return read_columns(told)


def import_evidently(files: EvidentlyFiles, folder: Path) -> Imported:
    """Make a project folder from a reference, a current file and a mapping.

    Raises:
        DataError: A file cannot be read, or lacks a column that is named.
        InvalidInputError: The folder holds something of that name, or the mapping cannot be used.
    """
    columns = files.columns
    reference, current = (read_source(str(path), None).frame for path in (files.reference, files.current))
    for path, frame in ((files.reference, reference), (files.current, current)):
        wanted = [name for name in columns.named if path is files.reference or name != columns.target]
        require_columns(wanted, frame.columns, source=str(path))
    became = [
        Became(str(files.reference), "the data of the project, read where it lies"),
        Became(str(files.current), "what the reference is compared with, read where it lies"),
    ]
    writes: dict[str, Write] = {}
    if columns.target is not None:
        roles, guess = _roles(files)
        config = _render(files, folder, roles, guess)
        writes[FILE_NAME] = lambda path: path.write_text(config, encoding="utf-8")
        answers = _answers(columns, current) if columns.target in current.columns else None
        if answers is not None:
            writes[ANSWERS] = answers.write_csv
        became += _roles_told(columns, roles)
    else:
        answers = None
        became.append(Became("no target", "there is nothing to predict, so no project file is written"))
    write_files(folder, writes)
    return Imported(folder, tuple(became), _commands(files, folder, answers))


def _roles(files: EvidentlyFiles) -> tuple[Roles, Guess]:
    """The mapping's words first; where it names no feature, what the file looks like."""
    columns = files.columns
    text = columns.text[0] if columns.text else None
    guess = inspect_file(files.reference, label=columns.target, text=text)
    apart = {columns.target, *columns.prediction, columns.time, columns.identifier, text}
    named = (*columns.numerical, *columns.categorical, *columns.text[1:])
    features = tuple(name for name in (named or guess.roles.features) if name not in apart)
    if text is None and not named and guess.roles.text not in apart:
        text = guess.roles.text
    if text is None and not features:
        raise DataError(
            f"{files.reference} has no column left that a model may read; name some in numerical_features, "
            "categorical_features or text_features"
        )
    assert columns.target is not None
    task = "regression" if columns.is_regression else guess.roles.task
    groups = tuple(name for name in guess.roles.groups if name not in apart)
    roles = Roles(columns.target, text, features, (), columns.time, groups, None, task)
    return replace(roles, separator=guess.roles.separator), guess


def _render(files: EvidentlyFiles, folder: Path, roles: Roles, guess: Guess) -> str:
    reasons = {"label": "the target", "metric": guess.metric_reason}
    if roles.features:
        reasons["features"] = "as the mapping has them"
    if roles.time:
        reasons["time"] = "the mapping's datetime"
    metric = "rmse" if roles.task == "regression" else guess.metric
    return render_config(
        name=folder.resolve().name,
        path=os.path.relpath(files.reference.resolve(), folder.resolve()),
        roles=roles,
        metric=metric,
        reasons=reasons,
    )


def _answers(columns: Columns, current: pl.DataFrame) -> pl.DataFrame | None:
    """The predictions of the current file, as `evaluate` reads answers that were made already."""
    if not columns.prediction:
        return None
    names = {columns.identifier: "id"} if columns.identifier else {}
    if len(columns.prediction) == 1:
        names[columns.prediction[0]] = "prediction"
    else:
        numbers = [name for name in columns.prediction if _is_numeric(current[name])]
        words = [name for name in columns.prediction if name not in numbers]
        names |= {name: f"{_PROBABILITY}{name}" for name in numbers}
        names |= dict.fromkeys(words[:1], "prediction")
    return current.select([pl.col(str(name)).alias(to) for name, to in names.items()])


def _counted(features: tuple[str, ...]) -> str:
    return f"{len(features)} feature{'' if len(features) == 1 else 's'}"


def _is_numeric(values: pl.Series) -> bool:
    """Also where a file of text holds the numbers."""
    return values.cast(pl.Float64, strict=False).null_count() == values.null_count()


def _roles_told(columns: Columns, roles: Roles) -> list[Became]:
    told = [Became(f"target '{columns.target}'", "the label")]
    if columns.prediction:
        what = f"no feature, for a model said it; {ANSWERS} has those of the current file"
        told.append(Became(f"prediction {', '.join(map(repr, columns.prediction))}", what))
    if roles.features:
        told.append(Became(_counted(roles.features), ", ".join(roles.features[:8])))
    if roles.text:
        told.append(Became(f"text '{roles.text}'", "the text"))
    if columns.time:
        told.append(Became(f"datetime '{columns.time}'", "the time: splits by time, windows of drift"))
    if columns.identifier:
        told.append(Became(f"id '{columns.identifier}'", "no feature; it joins answers to rows"))
    return told


def _commands(
    files: EvidentlyFiles, folder: Path, answers: pl.DataFrame | None
) -> tuple[tuple[str, ...], ...]:
    columns = files.columns
    compared = [*columns.numerical, *columns.categorical]
    drift = ["drift", str(files.reference), str(files.current)]
    drift += [word for name in compared for word in ("--column", name)]
    found = [tuple(drift)]
    if columns.target is not None:
        found.append(("check", "--project", str(folder)))
    if answers is not None:
        words = [
            "evaluate",
            str(files.current),
            "--model",
            str(folder / ANSWERS),
            "--label",
            str(columns.target),
        ]
        if columns.identifier == "id":
            words += ["--id", "id"]
        found.append(tuple(words))
    if columns.target is not None:
        found.append(("build", "--project", str(folder)))
    return tuple(found)
