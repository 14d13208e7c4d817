"""From a project's splits, or from a bare table, to everything that the checks of quality are made from.

The checks themselves belong to `stages.assess`.
Always: a row is judged by a model that saw neither it nor a copy of it; the sealed rows are judged for one
purpose, to draw an audit of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.quality.answers import AuditAnswers
from smallcraft.data.table import Table
from smallcraft.data.votes import (
    Votes,
    align_to_rows,
    votes_from_columns,
)
from smallcraft.models.dynamics import TrainingHistory, watch_training
from smallcraft.models.workshop import Progress, Workshop
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.stages.longvotes import LongVotes
from smallcraft.pipeline.stages.material import SEALED, WHOLE, Material, copy_groups
from smallcraft.pipeline.stages.ownprobs import read_probabilities
from smallcraft.pipeline.stages.prepare import Prepared, positions_in
from smallcraft.pipeline.stages.score import (
    LEARN_FROM,
    embed_rows,
    predictions_of,
    rows_to_learn,
    score_table,
    train_scorer,
)
from smallcraft.pipeline.stages.train import open_workshop, open_workshop_of_rows
from smallcraft.pipeline.workspace import Workspace
from smallcraft.records import CheckResult, Measurement, Predictions, Roles, Task

# Training is watched where that takes seconds.
_WATCH_UP_TO = 20_000
# More rows than this would not fit in memory as embeddings beside everything else.
_EMBED_UP_TO = 200_000
_NOT_JUDGED: Mapping[Task, str] = {
    "multilabel": "none: wrong labels are looked for where a row has one label; here rows have several",
    "regression": "none: wrong labels are looked for among classes; here the label is a number",
}
_NO_MODEL = "none: the table has nothing that a cheap rung reads"


@dataclass(frozen=True)
class Judged:
    """Rows judged out of sample.

    Attributes:
        predictions: By split.
        about: How they were made, or why there are none.
        vectors: Embeddings by split.
        history: How the learned split was learned.
    """

    predictions: Mapping[str, Predictions]
    about: str
    vectors: Mapping[str, NDArray[np.float32]]
    history: Mapping[str, TrainingHistory]


def judge_rows(
    workshop: Workshop,
    frames: Mapping[str, pl.DataFrame],
    roles: Roles,
    *,
    learned_split: str,
    learned: NDArray[np.int64],
    rungs: Sequence[str] | None = None,
) -> Judged:
    """Judge every row of every split.

    Args:
        workshop: Over the rows of `learned_split` at `learned`.
        frames: Rows by split.
        roles: Which column plays which part.
        learned_split: The split that is judged out of fold.
        learned: `(m,)` positions in it.
        rungs: Those that are trained anyway; None for any.
    """
    rows = sum(frame.height for frame in frames.values())
    vectors = embed_rows(workshop, frames) if rows <= _EMBED_UP_TO else {}
    if roles.task != "multiclass":
        return Judged({}, _NOT_JUDGED[roles.task], vectors if roles.task == "multilabel" else {}, {})
    scorer = train_scorer(workshop, rungs=rungs)
    if scorer is None:
        return Judged({}, _NO_MODEL, vectors, {})
    predictions = {
        split: score_table(frame, roles, scorer, learned)
        if split == learned_split
        else predictions_of(scorer.judge(frame), frame, roles, scorer.classes)
        for split, frame in frames.items()
    }
    rows = frames[learned_split].height
    history: dict[str, TrainingHistory] = {}
    if len(learned) == rows <= _WATCH_UP_TO:
        watched = watch_training(scorer.rung, workshop)
        history = {} if watched is None else {learned_split: watched}
    part = "" if len(learned) == rows else f"; learned from {len(learned):,} of {rows:,} rows, drawn by seed"
    return Judged(predictions, scorer.about + part, vectors, history)


def judge_table(
    table: Table,
    checks: tuple[CheckResult, ...],
    *,
    cache: Path,
    backbone: str = "auto",
    seed: int,
    progress: Progress,
) -> Judged:
    """Judge the rows of a bare table, one split called `all`."""
    copies = copy_groups(checks, WHOLE, table.frame.height)
    learned = rows_to_learn(table.frame[table.roles.label], copies, most=LEARN_FROM, seed=seed)
    workshop = open_workshop_of_rows(
        table.ref, table.frame[learned], seed=seed, cache=cache, backbone=backbone, progress=progress
    )
    frames = {WHOLE: table.frame}
    return judge_rows(workshop, frames, table.roles, learned_split=WHOLE, learned=learned)


def judge_project(
    config: Config, prepared: Prepared, *, workshop: Workshop | None = None, progress: Progress
) -> Judged:
    """Judge the rows of a project: train out of fold, dev and cert by the model of train.

    Args:
        config: The project.
        prepared: Its splits and row checks.
        workshop: The ladder's, where it is open already; used when all train rows are learned from.
        progress: Told what is running.
    """
    frames: dict[str, pl.DataFrame] = {str(name): frame for name, frame in prepared.splits.frames.items()}
    roles, train = prepared.table.roles, frames["train"]
    learned = rows_to_learn(
        train[roles.label],
        copy_groups(prepared.checks, "train", train.height),
        most=LEARN_FROM,
        seed=config.seed,
    )
    if len(learned) == train.height:
        workshop = workshop or open_workshop(config, prepared.splits, progress=progress)
    else:
        workshop = open_workshop_of_rows(
            prepared.splits.refs["train"],
            train[learned],
            seed=config.seed,
            cache=Workspace(config.folder).cache,
            backbone=config.ladder.backbone,
            progress=progress,
        )
    return judge_rows(
        workshop, frames, roles, learned_split="train", learned=learned, rungs=config.ladder.rungs
    )


def own_judgement(path: Path, table: Table, frames: Mapping[str, pl.DataFrame]) -> Judged:
    """The user's own probabilities, for the splits whose rows stand in the main file."""
    whole = read_probabilities(path, table.frame, table.roles)
    order = positions_in(table.frame)
    predictions = {}
    for split, frame in frames.items():
        at = np.searchsorted(order, positions_in(frame))
        predictions[split] = Predictions(whole.classes, whole.truth[at], whole.probs[at])
    return Judged(predictions, f"probabilities from {path.name}, as given", {}, {})


def votes_of_rows(frames: Mapping[str, pl.DataFrame], roles: Roles, long: LongVotes | None) -> Votes | None:
    """The votes of the open splits' rows, one split after the other; None without votes."""
    rows = [frame for split, frame in frames.items() if split != SEALED]
    if long is not None:
        ids = pl.concat([frame[long.item] for frame in rows])
        return align_to_rows(long.votes, ids, source=long.source)
    if not roles.votes:
        return None
    columns = [*roles.votes, roles.label]
    together = pl.concat([frame.select(columns) for frame in rows])
    return votes_from_columns(together, roles.votes)


def gather_material(
    frames: Mapping[str, pl.DataFrame],
    roles: Roles,
    checks: tuple[CheckResult, ...],
    judged: Judged,
    *,
    votes: Votes | None = None,
    answers: AuditAnswers | None = None,
    model_accuracy: Measurement | None = None,
    confidence: float,
    seed: int,
) -> Material:
    """What `assess` needs, from its parts."""
    return Material(
        frames=frames,
        roles=roles,
        row_checks=checks,
        predictions=judged.predictions,
        about_model=judged.about,
        vectors=judged.vectors,
        votes=votes,
        answers=answers,
        tested=SEALED if SEALED in frames else WHOLE,
        history=judged.history,
        model_accuracy=model_accuracy,
        confidence=confidence,
        seed=seed,
    )
