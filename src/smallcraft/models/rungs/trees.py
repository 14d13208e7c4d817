"""Boosted trees over the feature columns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
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
from smallcraft.models.parts.forest import FORESTS, Boosters, Rows, find_rounds
from smallcraft.models.workshop import Workshop
from smallcraft.records import Task


class Trees:
    """Needs feature columns; reads no text. The first fold says how many rounds of boosting pay."""

    name: ClassVar[str] = "trees"
    needs: ClassVar[frozenset[Need]] = frozenset({"features"})
    tasks: ClassVar[frozenset[Task]] = frozenset(FORESTS)
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
        """Logits of boosters with the same number of rounds."""
        values = _encode(workshop, _fit_block(workshop))
        folds = np.unique(workshop.folds).tolist()
        logits = np.empty((len(workshop.labels), len(workshop.classes)))
        rounds = _choose_rounds(workshop, values)
        k = len(workshop.classes)
        rows = Rows(values, workshop.labels)
        lesson = _Lesson(rows, workshop.folds, workshop.task, k, workshop.seed, rounds)
        found = workshop.memory.recall_each(
            {f"{self.name}/{workshop.name}-fold{fold}": fold for fold in folds},
            lesson,
            _fit_fold,
            workshop.engine,
            done=lambda number: workshop.progress(
                f"fitting trees, fold {number + 1} of {len(folds)}", number / len(folds)
            ),
        )
        for fold, arrays in zip(folds, found, strict=True):
            logits[workshop.folds == fold] = arrays["logits"]
        return (logits,)

    def _stage(self, workshop: Workshop) -> Stage:
        workshop.progress("fitting trees", 0.0)
        block = _fit_block(workshop)
        name = f"{self.name}/{workshop.name}-model"
        model = workshop.memory.recall(name, partial(_fit_all, workshop, _encode(workshop, block)))["model"]
        return Stage(self.name, (block,), TreesHead.of(model.tobytes()))


def _fit_block(workshop: Workshop) -> ColumnsBlock:
    return fit_columns([inputs for _, inputs in workshop.parts])


def _encode(workshop: Workshop, block: ColumnsBlock) -> NDArray[np.float32]:
    return np.concatenate([part.values for part in workshop.encode(block) if isinstance(part, Dense)])


def _choose_rounds(workshop: Workshop, values: NDArray[np.float32]) -> list[int]:
    """Rounds of each booster at which the loss on the first fold stops falling, trained on the others."""

    def compute() -> Arrays:
        held = workshop.folds == workshop.folds.min()
        fitted, stop = _rows(workshop, values, ~held), _rows(workshop, values, held)
        forest, k = FORESTS[workshop.task], len(workshop.classes)
        return {"rounds": find_rounds(forest, fitted, stop, k, seed=workshop.seed)}

    rounds = workshop.memory.recall(f"trees/{workshop.name}-rounds", compute)["rounds"]
    return [int(count) for count in np.atleast_1d(rounds)]


def _rows(workshop: Workshop, values: NDArray[np.float32], taken: NDArray[np.bool_]) -> Rows:
    return Rows(values[taken], workshop.labels[taken])


def _fit(workshop: Workshop, values: NDArray[np.float32], taken: NDArray[np.bool_]) -> Boosters:
    rounds, k = _choose_rounds(workshop, values), len(workshop.classes)
    return FORESTS[workshop.task].fit(_rows(workshop, values, taken), k, workshop.seed, rounds, None)


@dataclass(frozen=True)
class _Lesson:
    """What folds are trained from, wherever they are: the rows, and how boosters are fitted."""

    rows: Rows
    folds: NDArray[np.int64]
    task: Task
    k: int
    seed: int
    rounds: list[int]


def _fit_fold(lesson: _Lesson, fold: int) -> Arrays:
    """Logits of a fold's rows by boosters that did not see them."""
    rows, held, forest = lesson.rows, lesson.folds == fold, FORESTS[lesson.task]
    seen = Rows(rows.values[~held], rows.labels[~held])
    boosters = forest.fit(seen, lesson.k, lesson.seed, lesson.rounds, None)
    return {"logits": forest.logits(boosters, rows.values[held], lesson.k)}


def _fit_all(workshop: Workshop, values: NDArray[np.float32]) -> Arrays:
    boosters = _fit(workshop, values, np.ones(len(values), dtype=np.bool_))
    model = FORESTS[workshop.task].to_onnx(boosters, len(workshop.classes))
    return {"model": np.frombuffer(model, dtype=np.uint8)}
