"""Boosted trees over the feature columns."""

from __future__ import annotations

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
        folds = np.unique(workshop.folds)
        logits = np.empty((len(workshop.labels), len(workshop.classes)))
        for number, fold in enumerate(folds):
            workshop.progress(f"fitting trees, fold {number + 1} of {len(folds)}", number / len(folds))
            held = workshop.folds == fold
            name = f"{self.name}/{workshop.name}-fold{fold}"
            logits[held] = workshop.memory.recall(name, partial(_fit_fold, workshop, values, held))["logits"]
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


def _fit_fold(workshop: Workshop, values: NDArray[np.float32], held: NDArray[np.bool_]) -> Arrays:
    boosters = _fit(workshop, values, ~held)
    return {"logits": FORESTS[workshop.task].logits(boosters, values[held], len(workshop.classes))}


def _fit_all(workshop: Workshop, values: NDArray[np.float32]) -> Arrays:
    boosters = _fit(workshop, values, np.ones(len(values), dtype=np.bool_))
    model = FORESTS[workshop.task].to_onnx(boosters, len(workshop.classes))
    return {"model": np.frombuffer(model, dtype=np.uint8)}
