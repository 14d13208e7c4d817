"""What a new release and the one before say of themselves before a rollout: measured on rows of the project.

Both are asked about rows of dev and cert that neither was fitted to. Only what they read is taken from those
rows, no label, so nothing of the sealed test set is given away. A rollout then knows how often they may
disagree and how many rows may escalate.
Always: a share that cannot be measured, for want of data or of rows, is None.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.bundle.runtime import Bundle
from smallcraft.errors import DataError, SmallcraftError
from smallcraft.pipeline.columns import bundle_rows
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.stages.logs import row_ids
from smallcraft.pipeline.stages.prepare import prepare_data
from smallcraft.records import Label
from smallcraft.registry.memory.rows import ROWS_FILE, decode_rows, trained_on
from smallcraft.registry.reading import Stored
from smallcraft.serve.rollout.starting import Declared
from smallcraft.stats.intervals import wilson_interval

_MOST_ROWS = 2000
_FEWEST_ROWS = 100


def declare(config: Config, stable: tuple[Stored, Bundle], canary: tuple[Stored, Bundle]) -> Declared:
    """What both releases say of themselves.

    Args:
        config: The project.
        stable: The release that answers now, opened.
        canary: The new one, opened.

    Returns:
        Shares as the upper ends of their 95 % intervals: a rollout must not suspect what was known before.
    """
    old, new = stable[1], canary[1]
    classes = () if old.task == "regression" else old.classes
    has_confidence = old.task != "regression"
    frame = _unseen_rows(config, stable[0], canary[0])
    answers = None if frame is None else _ask_both(old, new, frame)
    if answers is None:
        return Declared(classes=classes, has_confidence=has_confidence)
    differing = [one != other for one, other in zip(answers[0][0], answers[1][0], strict=True)]
    return Declared(
        classes=classes,
        has_confidence=has_confidence,
        disagreement=None if old.task == "regression" else _upper(np.array(differing)),
        escalation=_upper(answers[1][1]) if len(new.stages) > 1 else None,
        stable_escalation=_upper(answers[0][1]) if len(old.stages) > 1 else None,
    )


def _unseen_rows(config: Config, *releases: Stored) -> pl.DataFrame | None:
    """What is read of rows that no release was fitted to; None where they are not here, or are too few."""
    try:
        prepared = prepare_data(config, SilentListener())
    except (SmallcraftError, OSError):
        return None
    roles = prepared.table.roles
    splits = [prepared.splits.frames[name].select(roles.inputs) for name in ("dev", "cert")]
    frame = pl.concat(splits, how="vertical_relaxed")
    is_new = np.ones(frame.height, dtype=np.bool_)
    ids = row_ids(frame, roles)
    for stored in releases:
        if ROWS_FILE in stored.locations:
            is_new &= ~trained_on(decode_rows(stored.read(ROWS_FILE)), ids)
    found = frame.filter(pl.Series(is_new)).head(_MOST_ROWS)
    return found if found.height >= _FEWEST_ROWS else None


def _ask_both(
    old: Bundle, new: Bundle, frame: pl.DataFrame
) -> tuple[tuple[Sequence[Label], NDArray[np.bool_]], ...] | None:
    """None where the rows no longer are what one of them reads."""
    if not {*old.spec.names, *new.spec.names} <= set(frame.columns):
        return None
    try:
        return tuple(_ask(bundle, frame) for bundle in (old, new))
    except DataError:
        return None


def _ask(bundle: Bundle, frame: pl.DataFrame) -> tuple[Sequence[Label], NDArray[np.bool_]]:
    answers = bundle.answer(bundle_rows(frame, bundle.spec, source="the rows of dev and cert"))
    return bundle.decoder.decides.decide(answers.probs, bundle.classes).labels, answers.escalated


def _upper(hits: NDArray[np.bool_]) -> float:
    return wilson_interval(int(hits.sum()), len(hits)).high
