"""The rows that models of any make are asked about: which column plays which part, and the truth kept apart.

Columns are named by the user, else by the project file, else guessed; what was guessed is said.
Always: every row of the file is asked about or the file is refused; no model sees the column of the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.badrows import refuse_bad_rows
from smallcraft.data.columns import code_text, typed_columns
from smallcraft.data.inspect import inspect_file
from smallcraft.data.load import load_table, read_source
from smallcraft.data.table import require_columns
from smallcraft.data.targets import label_counts
from smallcraft.errors import ConfigError, DataError, InvalidInputError, NotFoundError
from smallcraft.evaluate.harness.answers import Questions
from smallcraft.pipeline.columns import key_codes
from smallcraft.pipeline.config import FILE_NAME, Config, load_config
from smallcraft.records import Roles


@dataclass(frozen=True)
class NamedColumns:
    """What the user says about columns; None and empty where nothing is said."""

    label: str | None = None
    text: str | None = None
    features: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    key: str | None = None


@dataclass(frozen=True)
class EvaluationRows:
    """Rows to ask about, and their truth.

    Attributes:
        source: Where they came from.
        roles: Which column plays which part.
        questions: What models see.
        truth: The label of each row.
        clusters: `(n,)` equal for rows of one key; None where every row stands alone.
        groups: Group column to the value of each row.
    """

    source: str
    roles: Roles
    questions: Questions
    truth: tuple[str, ...]
    clusters: NDArray[np.int64] | None
    groups: dict[str, list[str | None]]


@dataclass(frozen=True)
class Columns:
    """Roles, and where they come from in words."""

    roles: Roles
    note: str


def project_of(folder: Path | None) -> Config | None:
    """The project that columns may come from: the one named, else one in the working folder that can be read.

    Raises:
        NotFoundError: The one named is not there.
        ConfigError: The one named is not understood.
    """
    if folder is None:
        try:
            return load_config(Path())
        except (NotFoundError, ConfigError):
            return None
    if not folder.exists():
        raise NotFoundError(f"there is no project folder {folder}; check the path after --project")
    return load_config(folder) if folder.is_file() or (folder / FILE_NAME).exists() else None


def choose_columns(
    data: str | Path,
    named: NamedColumns,
    project: Config | None,
    *,
    needs_inputs: bool = True,
) -> Columns:
    """Which column plays which part.

    Args:
        data: A path or glob.
        named: What the user says; goes before anything else.
        project: Gives the columns where the file has them.
        needs_inputs: False where no model has to be asked, so that nothing need be read but labels.

    Raises:
        DataError: The file cannot be read, lacks a column that was named, or no column is clearly the label.
    """
    columns = read_source(data, None, lists=None).frame.columns
    wanted = [n for n in (named.label, named.text, *named.features, *named.groups, named.key) if n]
    require_columns(wanted, columns, source=str(data))
    if named.label and (named.text or named.features or not needs_inputs):
        roles, note = Roles(named.label), ""
    elif project is not None and _fits(project, columns):
        roles, note = _of_project(project, columns), f"columns as in {project.folder / FILE_NAME}"
    else:
        roles = _guessed(data, named)
        note = _guess_note(roles, named)
    return Columns(_with_named(roles, named), note)


def read_rows(data: str | Path | pl.DataFrame, roles: Roles, reads: Sequence[str] = ()) -> EvaluationRows:
    """Read the rows.

    Args:
        data: A path or glob, or a frame.
        roles: Which column plays which part; votes and time are not needed.
        reads: Further columns that some model asks for by name.

    Raises:
        DataError: A row cannot be used, or a column is missing.
    """
    source = "the frame" if isinstance(data, pl.DataFrame) else str(data)
    raw = data if isinstance(data, pl.DataFrame) else _raw(data, roles)
    require_columns((*roles.named, *reads), raw.columns, source=source)
    if roles.label in (*roles.inputs, *reads):
        raise DataError(f"column '{roles.label}' of {source} is the label; a model must not read it")
    extra = tuple(name for name in dict.fromkeys(reads) if name not in roles.inputs)
    kept = Roles(
        roles.label,
        roles.text,
        roles.features + extra,
        groups=roles.groups,
        task=roles.task,
        separator=roles.separator,
    )
    frame = _typed(data, raw, kept, source)
    truth = tuple(frame[roles.label].to_list())
    questions = Questions(
        frame.select(kept.inputs),
        raw.drop(roles.label),
        roles.text,
        roles.features,
        tuple(label_counts(frame[roles.label], roles)),
        roles.key,
    )
    clusters = None if roles.key is None else key_codes(code_text(raw[roles.key]))
    groups = {name: code_text(raw[name]).to_list() for name in roles.groups}
    return EvaluationRows(source, roles, questions, truth, clusters, groups)


def _raw(data: str | Path, roles: Roles) -> pl.DataFrame:
    lists = frozenset({roles.label} if roles.task == "multilabel" else ())
    read = read_source(data, None, lists=lists)
    refuse_bad_rows(read.broken)
    return read.frame


def _typed(data: str | Path | pl.DataFrame, raw: pl.DataFrame, roles: Roles, source: str) -> pl.DataFrame:
    if not isinstance(data, pl.DataFrame) and roles.inputs:
        return load_table(data, roles, for_training=False).frame
    typed = typed_columns(raw.select(roles.named), roles)
    if typed.faults:
        fault = typed.faults[0]
        raise DataError(
            f"{source}, row {fault.row + 1}, column '{fault.column}': {fault.reason}; {fault.remedy}"
        )
    if typed.frame.height == 0:
        raise DataError(f"{source} must hold labelled rows, got none; check how it was written")
    return typed.frame


def _fits(project: Config, columns: Sequence[str]) -> bool:
    roles = project.roles()
    return {roles.label, *roles.inputs} <= set(columns)


def _of_project(project: Config, columns: Sequence[str]) -> Roles:
    roles = project.roles()
    return Roles(
        roles.label,
        roles.text,
        roles.features,
        groups=tuple(name for name in roles.groups if name in columns),
        key=roles.key if roles.key in columns else None,
    )


def _guessed(data: str | Path, named: NamedColumns) -> Roles:
    found = inspect_file(data, label=named.label, text=named.text).roles
    return Roles(found.label, found.text, found.features, groups=found.groups, key=found.key)


def _with_named(roles: Roles, named: NamedColumns) -> Roles:
    """Naming a text or features replaces both; a column that was named has no guessed part beside."""
    label = named.label or roles.label
    text, features = roles.text, roles.features
    if named.text or named.features:
        text, features = named.text, named.features
    groups, key = named.groups or roles.groups, named.key or roles.key
    mine = {label, text, *features}
    if named.groups and label in named.groups:
        raise InvalidInputError(f"column '{label}' is the label and cannot be a group; each class is a slice")
    return replace(
        roles,
        label=label,
        text=None if text == label else text,
        features=tuple(name for name in features if name not in (label, text)),
        groups=tuple(name for name in groups if name not in (label, text)),
        key=key if named.key or key not in mine else None,
    )


def _guess_note(roles: Roles, named: NamedColumns) -> str:
    roles = _with_named(roles, named)
    inputs = f"text '{roles.text}'" if roles.text else f"features {', '.join(map(repr, roles.features))}"
    more = f", groups {', '.join(map(repr, roles.groups))}" if roles.groups else ""
    more += f", key '{roles.key}'" if roles.key else ""
    return (
        f"columns were guessed: label '{roles.label}', {inputs}{more}; say otherwise with --label, --text, "
        "--features, --groups, --key"
    )
