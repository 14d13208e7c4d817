"""Rows without a label that are worth a look: an alarm's batch, withheld answers, a file, a gate's slice.

Leaves to others: how they are asked about (`pipeline.labelling.planning`).
Always: rows are as they were kept; a source without rows is told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.load import read_source
from smallcraft.data.table import require_columns
from smallcraft.errors import ConfigError, DataError, InvalidInputError, NotFoundError
from smallcraft.observe.alarms import Alarm
from smallcraft.observe.attribution import find_examples
from smallcraft.observe.store import Wanted, WindowStore
from smallcraft.observe.window_rows import SEEN_COLUMN, read_windows
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.gating import gate_project
from smallcraft.pipeline.labelling.rows import KeptAnswer, LabelTable, NewRows
from smallcraft.records import Outcome, Roles

ABSTAINED = "abstained"
_PREDICTED = "class"


def rows_of_alarm(alarm: Alarm, roles: Roles, *, folder: Path) -> NewRows:
    """The batch that an alarm asked to have labelled.

    Args:
        alarm: With a batch.
        roles: Which column plays which part.
        folder: Where batches are, should the project have been moved since.

    Raises:
        NotFoundError: It has none, or the file is gone.
        InvalidInputError: Its rows were not kept (`keep_examples = false`).
        DataError: The file was changed.
    """
    rows = _review_lines(alarm, folder)
    if not rows:
        raise InvalidInputError(
            f"alarm {alarm.id} has no rows to label: none were kept of its windows; set keep_examples = true "
            "in [watch]"
        )
    try:
        kept = tuple(
            KeptAnswer(
                alarm.release,
                row["item_id"],
                row["window_start_s"],
                row["answer"],
                row["arm"],
                1.0 if row["inclusion"] is None else float(row["inclusion"]),
            )
            for row in rows
        )
        frame = _frame([(row["window_start_s"], row["values"]) for row in rows], roles)
    except (KeyError, TypeError, AttributeError) as error:
        raise _changed(alarm, error) from error
    return NewRows(f"alarm {alarm.id}", frame, kept)


def withheld_rows(store: WindowStore, roles: Roles) -> NewRows | None:
    """Kept rows of all windows that a release gave no answer to; None without any."""
    if not store.months():
        return None
    windows = tuple(read_windows(store, Wanted(columns=(SEEN_COLUMN,))))
    examples = [row for row in find_examples(windows) if row.answer is None]
    if not examples:
        return None
    rows = [(row.window_start_s, dict(row.values)) for row in examples]
    return NewRows(ABSTAINED, _frame(rows, roles))


def rows_of_pool(config: Config) -> NewRows | None:
    """Rows of the file that `[label] unlabelled` names; None without one.

    Raises:
        DataError: It cannot be read, lacks a column, or has no rows.
    """
    if config.label.unlabelled is None:
        return None
    path = config.resolve(config.label.unlabelled)
    frame = read_source(path, None).frame
    require_columns(config.roles().inputs, frame.columns, source=path.name)
    if not frame.height:
        raise DataError(f"{path} has no rows to label; take `unlabelled` out of [label], or give some")
    return NewRows(path.name, frame)


def undecided_slices(config: Config) -> tuple[str, ...]:
    """Slices such as `region=north` of which a gate lacks rows; none where there is no build to judge."""
    try:
        verdicts = gate_project(config).verdicts
    except (NotFoundError, ConfigError):
        return ()
    found = (one.slice for one in verdicts if one.outcome is Outcome.UNDECIDED and "=" in one.slice)
    return tuple(dict.fromkeys(found))


def new_rows_in(table: LabelTable, name: str) -> NDArray[np.int64]:
    """`(m,)` int64 rows without a label that a slice such as `region=north & class=refund` would take in.

    Args:
        table: The rows.
        name: Of the slice; a class is the one that a model expects. A column that is not held matches
            nothing.
    """
    inside = table.seen.truth < 0
    for part in name.split(" & "):
        column, _, value = part.partition("=")
        if column == _PREDICTED and value in table.seen.classes:
            inside &= table.seen.predicted == table.seen.classes.index(value)
        elif column in table.frame.columns:
            held = table.frame[column].cast(pl.String) == value
            inside &= held.fill_null(value=False).to_numpy()
        else:
            inside &= False
    return np.flatnonzero(inside).astype(np.int64)


def _review_lines(alarm: Alarm, folder: Path) -> list[dict[str, Any]]:
    if alarm.review is None:
        raise NotFoundError(
            f'alarm {alarm.id} has no batch of rows; add "review" to [watch] triggers, and run '
            "`smallcraft watch` again"
        )
    path = Path(alarm.review)
    try:
        text = (path if path.exists() else folder / path.name).read_text("utf-8")
        return [json.loads(line) for line in text.splitlines()]
    except FileNotFoundError as error:
        raise NotFoundError(
            f"the batch of alarm {alarm.id} is gone: {alarm.review}; put it back, or label other rows"
        ) from error
    except ValueError as error:
        raise _changed(alarm, error) from error


def _changed(alarm: Alarm, error: Exception) -> DataError:
    return DataError(
        f"{alarm.review} must hold the batch of alarm {alarm.id} as it was written, a JSON object a line, "
        f"got something else ({error}); put it back from a copy, or label other rows"
    )


def _frame(rows: Sequence[tuple[int, Mapping[str, Any]]], roles: Roles) -> pl.DataFrame:
    """Kept rows as columns; where the data have a time, it is the begin of the window.

    Args:
        rows: Begin of the window in seconds since 1970, and values by column.
        roles: Which column plays which part.
    """
    names = roles.inputs
    frame = pl.DataFrame({name: [values.get(name) for _, values in rows] for name in names}, strict=False)
    if roles.time is None:
        return frame
    times = [datetime.fromtimestamp(start, UTC).replace(tzinfo=None) for start, _ in rows]
    return frame.with_columns(pl.Series(roles.time, times, dtype=pl.Datetime("us")))
