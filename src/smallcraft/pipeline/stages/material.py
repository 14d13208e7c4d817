"""Everything that the checks of quality are made from, in one value.

Always: a model is set against open splits only; the sealed one is there to be audited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.duplicates import renumbered
from smallcraft.data.quality.answers import AuditAnswers
from smallcraft.data.votes import Votes
from smallcraft.models.dynamics import TrainingHistory
from smallcraft.records import CheckResult, Measurement, Predictions, Roles

SEALED = "cert"
WHOLE = "all"


@dataclass(frozen=True)
class Material:
    """What the checks are made from.

    Attributes:
        frames: Rows by split; a file without splits is one split, `all`.
        roles: Which column plays which part.
        row_checks: What the checks that read rows alone found.
        predictions: By split, out of sample; that of cert serves to draw an audit and nothing else.
        about_model: How they were made, or why there are none.
        vectors: Embeddings by split; empty without a backbone.
        votes: Of the rows of all open splits, one after the other; None without votes.
        answers: Of an audit of `tested`.
        tested: The split that bounds every metric: `cert`, or `all`.
        history: How the rows of a split were learned, by split.
        model_accuracy: What a model measured on `tested`, to set against the ceiling.
        confidence: Of intervals.
        seed: Of everything random.
    """

    frames: Mapping[str, pl.DataFrame]
    roles: Roles
    row_checks: tuple[CheckResult, ...]
    predictions: Mapping[str, Predictions]
    about_model: str
    vectors: Mapping[str, NDArray[np.float32]]
    votes: Votes | None
    answers: AuditAnswers | None
    tested: str
    history: Mapping[str, TrainingHistory]
    model_accuracy: Measurement | None
    confidence: float
    seed: int

    @property
    def open_splits(self) -> tuple[str, ...]:
        """The splits that a model may be set against."""
        return tuple(split for split in self.frames if split != SEALED)


def copy_groups(checks: Sequence[CheckResult], split: str, rows: int) -> NDArray[np.int64]:
    """Group number of each row of a split: copies that the duplicates check found share one."""
    groups = np.arange(rows, dtype=np.int64)
    for check in checks:
        if check.check != "duplicates":
            continue
        for flagged in check.flagged:
            is_copy = flagged.split == flagged.partner_split == split and flagged.partner is not None
            if is_copy and flagged.partner is not None:
                groups[flagged.rows] = groups[flagged.partner]
    return renumbered(groups)
