"""A small ensemble of shallow trees that learns from the large one: two fifths of its leaves, or fewer.

Leaves to others: the teacher, which is the rung `trees`; what it is asked (`parts.small_trees`).
Always: for a fold answered out of fold neither the small trees nor their teacher saw the fold's labels (two
folds are answered so, since each takes a teacher of its own).
Not covered: tables where a linear model is enough; the ladder has one for them.
"""

from __future__ import annotations

from functools import partial
from itertools import accumulate, pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.blocks.columns import ColumnsBlock
from smallcraft.bundle.encoded import Dense
from smallcraft.bundle.heads.trees import TreesHead
from smallcraft.bundle.stage import Stage
from smallcraft.contracts import Need
from smallcraft.models.memory import Arrays
from smallcraft.models.parts.features import fit_columns
from smallcraft.models.parts.small_trees import (
    Boosters,
    fit_small_trees,
    labelled_rows,
    leaves_allowed,
    mixed_rows,
    small_tree_logits,
    small_trees_to_onnx,
)
from smallcraft.models.rungs.trees import Trees
from smallcraft.models.sample import take_rows
from smallcraft.models.workshop import Workshop
from smallcraft.records import Task

_ANSWERED_FOLDS = 2


class Distilled:
    """Needs feature columns; reads no text."""

    name: ClassVar[str] = "distilled"
    needs: ClassVar[frozenset[Need]] = Trees.needs
    tasks: ClassVar[frozenset[Task]] = Trees.tasks
    is_raced: ClassVar[bool] = False
    no_cheaper_than: ClassVar[str | None] = None
    rounds: ClassVar[bool] = False

    def estimate_cpu_s(self, workshop: Workshop) -> float | None:  # noqa: ARG002 - the contract
        """Seconds: nothing to weigh beforehand."""
        return None

    def stages(self, workshop: Workshop) -> tuple[Stage, ...]:
        """One stage: columns and trees."""
        return (workshop.once(f"{self.name} stage", partial(self._stage, workshop)),)

    def out_of_fold(self, workshop: Workshop) -> tuple[NDArray[np.float64], ...]:
        """Logits of small ensembles, for rows of two folds; NaN for the others."""
        logits = np.full((len(workshop.labels), len(workshop.classes)), np.nan)
        for fold in np.unique(workshop.folds)[:_ANSWERED_FOLDS]:
            held = workshop.folds == fold
            make = partial(_fit_fold, workshop, held, name=f"{workshop.name}-without{fold}")
            logits[held] = workshop.memory.recall(f"{self.name}/{workshop.name}-fold{fold}", make)["logits"]
        return (logits,)

    def _stage(self, workshop: Workshop) -> Stage:
        workshop.progress(f"fitting {self.name}", 0.0)
        block = _block(workshop)
        model = workshop.memory.recall(f"{self.name}/{workshop.name}-model", partial(_fit_all, workshop))[
            "model"
        ]
        return Stage(self.name, (block,), TreesHead.of(model.tobytes()))


def _block(workshop: Workshop) -> ColumnsBlock:
    return fit_columns([inputs for _, inputs in workshop.parts])


def _values(workshop: Workshop, block: ColumnsBlock) -> NDArray[np.float32]:
    return np.concatenate([part.values for part in workshop.encode(block) if isinstance(part, Dense)])


def _columns(block: ColumnsBlock) -> list[slice]:
    """Places of the matrix that are one column of the table."""
    widths = [*[1] * block.numbers, *map(len, block.categories)]
    return [slice(start, stop) for start, stop in pairwise(accumulate(widths, initial=0))]


def _fit(workshop: Workshop) -> Boosters:
    (teacher,) = Trees().stages(workshop)
    block, k = _block(workshop), len(workshop.classes)
    rows = labelled_rows(workshop.task, _values(workshop, block), workshop.labels, k)

    assert isinstance(teacher.head, TreesHead)

    def ask(values: NDArray[np.float32]) -> NDArray[np.float64]:
        return teacher.head.logits([Dense(values)], len(values))

    near = mixed_rows(workshop.task, rows.values, ask, columns=_columns(block), seed=workshop.seed)
    held = workshop.folds == workshop.folds.min()
    most = leaves_allowed(teacher.head.model)
    return fit_small_trees(rows, near, workshop.task, workshop.seed, held=held, most_leaves=most)


def _fit_fold(workshop: Workshop, held: NDArray[np.bool_], *, name: str) -> Arrays:
    others = take_rows(workshop, np.flatnonzero(~held), name=name)
    values = _values(workshop, _block(others))[held]
    return {"logits": small_tree_logits(_fit(others), values, len(workshop.classes))}


def _fit_all(workshop: Workshop) -> Arrays:
    model = small_trees_to_onnx(_fit(workshop), len(workshop.classes))
    return {"model": np.frombuffer(model, dtype=np.uint8)}
