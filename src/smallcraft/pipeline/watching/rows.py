"""Rows of a file that is watched: their columns, windows, segments and answers, and losses where known.

Leaves to others: which files, and what becomes of a window (`pipeline.watching.files`).
Always: a value reads the same whatever rows stand beside it, and as a server reads it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.bundle.inputs import InputSpec
from smallcraft.bundle.runtime import Bundle
from smallcraft.data.columns import code_text, typed_feature, written_labels
from smallcraft.data.profiles.rows import AnswerRows, Rows
from smallcraft.data.table import require_columns, text_form
from smallcraft.errors import ConfigError, DataError
from smallcraft.observe.group_risk import Labelled
from smallcraft.observe.windows import EVERYTHING
from smallcraft.pipeline.baseline import Baseline
from smallcraft.pipeline.columns import input_spec
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.profiled_rows import answered_rows, plain_rows, typed_frame
from smallcraft.pipeline.stages.reference import labels_of
from smallcraft.pipeline.stages.train import read_rows
from smallcraft.pipeline.times import seconds_of
from smallcraft.records import Label, Roles
from smallcraft.serve.windows.segments import UNKNOWN

NO_WINDOW = -1
_LONGEST_SEGMENT, _MOST_SEGMENTS = 80, 100


def spec_of_file(config: Config, frame: pl.DataFrame, source: str) -> InputSpec:
    """Which columns of a file are watched, and as what: features that read as numbers are numbers.

    Args:
        config: The project.
        frame: As it was read.
        source: Names it in messages.

    Raises:
        DataError: A column is missing.
    """
    roles = config.roles()
    require_columns(roles.inputs, frame.columns, source=source)
    typed = frame.with_columns([typed_feature(frame[name])[0].alias(name) for name in roles.features])
    return input_spec(typed, roles)


def typed_file(
    config: Config, frame: pl.DataFrame, spec: InputSpec, *, source: str, has_answers: bool
) -> pl.DataFrame:
    """A file's columns as they are read: inputs by `spec`, answers and labels in their one spelling.

    Args:
        config: The project; says where answers stand.
        frame: As it was read.
        spec: Columns that are inputs.
        source: Names the file in messages.
        has_answers: Whether answers stand in it.

    Raises:
        DataError: A column is missing.
    """
    watch, roles = config.watch, config.roles()
    given = (watch.prediction, watch.confidence) if has_answers else ()
    require_columns([*spec.names, *filter(None, given)], frame.columns, source=source)
    changed = [
        written_labels(frame[name], roles)
        for name in dict.fromkeys((roles.label, watch.prediction if has_answers else None))
        if name in frame.columns
    ]
    changed += [code_text(frame[name]) for name in roles.groups if name in frame.columns]
    if has_answers and watch.confidence is not None:
        changed.append(text_form(frame[watch.confidence]).cast(pl.Float64, strict=False))
    # Inputs last: a group may be a feature too, which is then read as the release reads it.
    return typed_frame(frame.with_columns(changed), spec)


def rows_of_file(
    config: Config, typed: pl.DataFrame, spec: InputSpec, *, bundle: Bundle | None, source: str
) -> Rows:
    """Rows of a file with their answers.

    Args:
        config: The project; says where answers stand.
        typed: From `typed_file`.
        spec: Columns that are inputs.
        bundle: That is asked; None where answers stand in the file.
        source: Names the file in messages.
    """
    if bundle is not None:
        return answered_rows(bundle, typed, source=source)
    rows = plain_rows(read_rows(typed, spec, source=source), spec)
    watch, roles = config.watch, config.roles()
    if watch.prediction is None:
        return rows
    confidence = None
    if watch.confidence is not None:
        confidence = typed[watch.confidence].fill_null(math.nan).to_numpy()
    return replace(
        rows, answers=AnswerRows(labels_of(typed[watch.prediction], roles), confidence, task=roles.task)
    )


def time_column(config: Config) -> str:
    """The column of times.

    Raises:
        ConfigError: None is declared.
    """
    name = config.watch.time or config.data.time
    if name is None:
        raise ConfigError(
            "[watch] files are put into windows by time, and no column of times is declared; "
            'add time = "<column>" there, or to [data]'
        )
    return name


def times_of(config: Config, frame: pl.DataFrame, source: str) -> NDArray[np.float64]:
    """`(n,)` float64 seconds since 1970, NaN where there is no time.

    Raises:
        ConfigError: No column of times is declared.
        DataError: The file lacks it, or it holds something else.
    """
    name = time_column(config)
    require_columns([name], frame.columns, source=source)
    found = seconds_of(frame[name])
    if found is None:
        raise DataError(
            f"column '{name}' of {source} must hold times, such as 2026-01-31T14:05:00 or seconds since "
            f"1970, got {_shown(frame[name])}; name another one as time in [watch]"
        )
    return found


def window_starts(config: Config, frame: pl.DataFrame, source: str) -> NDArray[np.int64]:
    """`(n,)` int64 begin of each row's window, seconds since 1970 UTC; `NO_WINDOW` without a time.

    Raises:
        Errors: Those of `times_of`.
    """
    seconds, length = times_of(config, frame, source), config.watch.window_s
    has_time = np.isfinite(seconds) & (seconds >= 0)
    return np.where(has_time, np.where(has_time, seconds, 0.0) // length * length, NO_WINDOW).astype(np.int64)


def segments_of(config: Config, frame: pl.DataFrame, source: str) -> list[str]:
    """The segment of each row, by the same names as a server gives.

    Raises:
        DataError: There are more than 100 different ones.
    """
    column = config.watch.segment
    if column is None:
        return [EVERYTHING] * frame.height
    if column not in frame.columns:
        return [UNKNOWN] * frame.height
    values = text_form(frame[column]).str.slice(0, _LONGEST_SEGMENT)
    found = [value or UNKNOWN for value in values.to_list()]
    if (different := len(set(found))) > _MOST_SEGMENTS:
        raise DataError(
            f"segment '{column}' of {source} has {different:,} different values, and each one is watched by "
            f"itself; name a column of at most {_MOST_SEGMENTS} in [watch]"
        )
    return found


def losses_of(
    typed: pl.DataFrame,
    roles: Roles,
    answers: Sequence[Label],
    *,
    baseline: Baseline,
    items: Sequence[str],
    starts: Sequence[int],
) -> tuple[Labelled, ...]:
    """Losses of rows that have an answer and whose label is known.

    Args:
        typed: `n` rows, labels and groups in their one spelling.
        roles: Which column plays which part.
        answers: `n`.
        baseline: Says what a loss is.
        items: `n` names that the rows are known by.
        starts: `n` begins of their windows.
    """
    truths = labels_of(typed[roles.label], roles)
    groups = {name: code_text(typed[name]).to_list() for name in roles.groups if name in typed.columns}
    found = []
    for row, (answer, truth) in enumerate(zip(answers, truths, strict=True)):
        loss = baseline.loss(answer, truth)
        if loss is not None:
            mine = [f"{name}={values[row]}" for name, values in groups.items() if values[row] is not None]
            found.append(Labelled(items[row], starts[row], loss, tuple(mine)))
    return tuple(found)


def _shown(series: pl.Series) -> str:
    there = series.drop_nulls()
    return f"{str(there[0])[:40]!r}" if len(there) else "nothing"
