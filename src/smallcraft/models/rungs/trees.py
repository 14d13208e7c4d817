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
from smallcraft.models.parts.trees import fit_trees, tree_logits, trees_to_onnx
from smallcraft.models.workshop import Workshop


class Trees:
    """Needs feature columns; reads no text. The first fold says how many rounds of boosting pay."""

    name: ClassVar[str] = "trees"
    needs: ClassVar[frozenset[Need]] = frozenset({"features"})

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


def _choose_rounds(workshop: Workshop, values: NDArray[np.float32]) -> int:
    """Rounds at which the loss on the first fold stops falling, when the others are trained on."""

    def compute() -> Arrays:
        held = workshop.folds == workshop.folds.min()
        labels, k = workshop.labels, len(workshop.classes)
        held_out = (values[held], labels[held])
        booster = fit_trees(values[~held], labels[~held], k, workshop.seed, held_out=held_out)
        return {"rounds": np.array(booster.best_iteration)}

    return int(workshop.memory.recall(f"trees/{workshop.name}-rounds", compute)["rounds"])


def _fit_fold(workshop: Workshop, values: NDArray[np.float32], held: NDArray[np.bool_]) -> Arrays:
    rounds, k = _choose_rounds(workshop, values), len(workshop.classes)
    booster = fit_trees(values[~held], workshop.labels[~held], k, workshop.seed, rounds=rounds)
    return {"logits": tree_logits(booster, values[held], k)}


def _fit_all(workshop: Workshop, values: NDArray[np.float32]) -> Arrays:
    rounds, k = _choose_rounds(workshop, values), len(workshop.classes)
    booster = fit_trees(values, workshop.labels, k, workshop.seed, rounds=rounds)
    return {"model": np.frombuffer(trees_to_onnx(booster, k), dtype=np.uint8)}
