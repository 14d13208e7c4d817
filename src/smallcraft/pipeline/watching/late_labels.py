"""A file of labels that came after the answers, as losses: when it was answered, what, and what was right.

Always: a file is read whole or refused; a row counts once, however many files it stands in: by its `item_id`,
else by what it holds beside the label.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl

from smallcraft.canonical import digest_bytes
from smallcraft.data.badrows import refuse_bad_rows
from smallcraft.data.columns import written_labels
from smallcraft.data.load import read_source
from smallcraft.data.table import require_columns, text_form
from smallcraft.errors import DataError
from smallcraft.observe.group_risk import Labelled
from smallcraft.pipeline.baseline import Baseline
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.stages.reference import labels_of
from smallcraft.pipeline.times import seconds_of
from smallcraft.pipeline.watching.rows import losses_of

PREDICTION, TIME, ITEM = "prediction", "time", "item_id"
_DIGITS = 32


def read_late_labels(config: Config, path: Path, baseline: Baseline) -> tuple[Labelled, ...]:
    """Losses of a file.

    Args:
        config: The project; names the columns of label, time, prediction and groups.
        path: The file. It has the label's column, `prediction` and `time` (or what `[watch]` calls them), and
            where there is one `item_id`, by which an answer counts once.
        baseline: Of the release that answered.

    Raises:
        DataError: It cannot be read, lacks a column, or a row has no time.
    """
    source, roles = read_source(path, None, lists=None), config.roles()
    refuse_bad_rows(source.broken)
    frame = source.frame
    prediction = config.watch.prediction or PREDICTION
    time = _first(frame, (config.watch.time, config.data.time, TIME)) or TIME
    require_columns((roles.label, prediction, time), frame.columns, source=path.name)
    starts = _starts(frame[time], config.watch.window_s, path)
    typed = frame.with_columns(written_labels(frame[name], roles) for name in (roles.label, prediction))
    found = losses_of(
        typed,
        roles,
        labels_of(typed[prediction], roles),
        baseline=baseline,
        items=_items(frame, roles.label),
        starts=starts,
    )
    if not found:
        raise DataError(
            f"{path} has no row with both '{prediction}' and '{roles.label}'; fill them in, nothing was taken"
        )
    return found


def _starts(times: pl.Series, window_s: int, path: Path) -> list[int]:
    seconds = seconds_of(times)
    if seconds is None or not np.isfinite(seconds).all():
        raise DataError(
            f"column '{times.name}' of {path} must say when each row was answered, such as "
            "2026-01-31T14:05:00; fill it, or leave the rows out"
        )
    starts: list[int] = (seconds // window_s * window_s).astype(np.int64).tolist()
    return starts


def _items(frame: pl.DataFrame, label: str) -> list[str]:
    """What each row is known by; of rows alike the first, the second, and so on."""
    if ITEM in frame.columns:
        return [str(value) for value in text_form(frame[ITEM]).to_list()]
    rest = frame.drop(label)
    names = [name for name in sorted(rest.columns) if not rest[name].dtype.is_nested()]
    texts = zip(*(text_form(rest[name]).to_list() for name in names), strict=True)
    digests = [digest_bytes(repr(values).encode())[7 : 7 + _DIGITS] for values in texts]
    seen: Counter[str] = Counter()
    items = []
    for digest in digests:
        items.append(f"{digest}/{seen[digest]}")
        seen[digest] += 1
    return items


def _first(frame: pl.DataFrame, names: tuple[str | None, ...]) -> str | None:
    return next((name for name in names if name is not None and name in frame.columns), None)
