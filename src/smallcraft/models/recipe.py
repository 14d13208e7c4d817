"""How a rung of one linear stage is trained: encode once, fit a head a fold and one on everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.blocks.block import Block
from smallcraft.bundle.blocks.onehot import OnehotBlock
from smallcraft.bundle.encoded import Encoded, Sparse
from smallcraft.bundle.stage import Stage
from smallcraft.contracts import Need
from smallcraft.models.forms import Form
from smallcraft.models.memory import Arrays
from smallcraft.models.parts.features import fit_onehot
from smallcraft.models.parts.linear import (
    Fit,
    Matrix,
    design_matrix,
    linear_logits,
    make_linear_head,
)
from smallcraft.models.parts.targets import TASKS, head_of
from smallcraft.models.workshop import Workshop
from smallcraft.records import Task


@dataclass(frozen=True)
class LinearRecipe:
    """A rung's blocks, encoded, and the way to fit its head.

    Attributes:
        name: The rung's.
        workshop: What it trains from.
        blocks: Side by side, in this order.
        encoded: For each block, its matrix for each part of the rows.
        fit: From a matrix, class codes, number of classes and seed to weights; other tasks adapt it.
        exact_blocks: Makes the blocks without rounding, for the exact form; None where they round nothing.
    """

    name: str
    workshop: Workshop
    blocks: tuple[Block, ...]
    encoded: tuple[Sequence[Encoded], ...]
    fit: Fit
    exact_blocks: Callable[[], tuple[Block, ...]] | None = None

    @cached_property
    def matrix(self) -> Matrix:
        """`(n, width)`."""
        return design_matrix(self.encoded)

    def stage(self, form: Form = "int8") -> Stage:
        """Trained on every row, and written in a form; both have the same weights."""
        work = self.workshop
        work.progress(f"fitting {self.name}", 0.0)
        fitted = work.memory.recall(
            f"{self.name}/{work.name}-weights",
            partial(self._fit_rows, np.ones(len(work.labels), np.bool_)),
        )
        widths = [
            (block.width, isinstance(parts[0], Sparse))
            for block, parts in zip(self.blocks, self.encoded, strict=True)
        ]
        exact = self.exact_blocks if form == "fp32" else None
        return Stage(
            self.name,
            self.blocks if exact is None else exact(),
            make_linear_head(np.asarray(fitted["weights"], np.float64), widths, form=form),
        )

    def out_of_fold(self) -> NDArray[np.float64]:
        """`(n, k)` logits, each row from a head that did not see its fold."""
        work = self.workshop
        logits = np.empty((len(work.labels), len(work.classes)))
        folds = np.unique(work.folds).tolist()
        found = work.memory.recall_each(
            {f"{self.name}/{work.name}-fold{fold}": fold for fold in folds},
            FoldRows(self.matrix, work.labels, work.folds),
            partial(_fit_fold, self.fit, work.task, self._shape),
            work.engine,
            done=lambda number: work.progress(
                f"fitting {self.name}, fold {number + 1} of {len(folds)}", number / len(folds)
            ),
        )
        for fold, arrays in zip(folds, found, strict=True):
            logits[work.folds == fold] = arrays["logits"]
        return logits

    @property
    def _shape(self) -> tuple[int, int]:
        """Classes and seed."""
        return len(self.workshop.classes), self.workshop.seed

    def _fit_rows(self, rows: NDArray[np.bool_]) -> Arrays:
        work = self.workshop
        return {"weights": self.fit_head(self.matrix[rows], work.labels[rows])}

    def fit_head(self, matrix: Matrix, labels: NDArray[Any]) -> NDArray[np.float64]:
        """`(width + 1, k)` weights for the workshop's task."""
        work = self.workshop
        return head_of(work.task, self.fit)(matrix, labels, len(work.classes), work.seed)


@dataclass(frozen=True)
class FoldRows:
    """What folds are trained from, wherever they are.

    Attributes:
        matrix: `(n, width)`.
        labels: As of the workshop.
        folds: `(n,)` int64.
    """

    matrix: Matrix
    labels: NDArray[Any]
    folds: NDArray[np.int64]


def _fit_fold(fit: Fit, task: Task, shape: tuple[int, int], rows: FoldRows, fold: int) -> Arrays:
    """Logits of a fold's rows by a head that did not see them."""
    held = rows.folds == fold
    weights = head_of(task, fit)(rows.matrix[~held], rows.labels[~held], *shape)
    return {"logits": linear_logits(rows.matrix[held], np.asarray(weights, np.float64))}


@dataclass(frozen=True)
class LinearRung:
    """A rung of one linear stage; its file says what it needs and how its recipe is made.

    Attributes:
        name: The rung's.
        needs: What it cannot be built without.
        make_recipe: Fits and encodes its blocks.
        estimate: Its training CPU-seconds, before anything is trained; None where it is seconds.
        tasks: What it can learn.
    """

    name: str
    needs: frozenset[Need]
    make_recipe: Callable[[Workshop], LinearRecipe]
    estimate: Callable[[Workshop], float] | None = None
    tasks: frozenset[Task] = frozenset(TASKS)
    is_raced: ClassVar[bool] = False
    no_cheaper_than: ClassVar[str | None] = None
    rounds: ClassVar[bool] = True

    def estimate_cpu_s(self, workshop: Workshop) -> float | None:
        """CPU-seconds, before anything is trained."""
        return None if self.estimate is None else self.estimate(workshop)

    def stages(self, workshop: Workshop) -> tuple[Stage, ...]:
        """The one stage, trained on every row."""
        make = partial(self.recipe(workshop).stage, workshop.form)
        return (workshop.once(f"{self.name} stage", make),)

    def out_of_fold(self, workshop: Workshop) -> tuple[NDArray[np.float64], ...]:
        """Its logits."""
        return (self.recipe(workshop).out_of_fold(),)

    def recipe(self, workshop: Workshop) -> LinearRecipe:
        """Its blocks, fitted and encoded; made once, whatever the form."""
        trained = workshop.in_form("int8")
        return trained.once(f"{self.name} recipe", partial(self.make_recipe, trained))


def with_features(workshop: Workshop, blocks: Sequence[Block]) -> tuple[Block, ...]:
    """Text blocks, and the feature columns beside them where the table has any."""
    spec = workshop.spec
    if not (spec.numbers or spec.categories):
        return tuple(blocks)
    return (*blocks, fit_features(workshop, beside_text=True))


def fit_features(workshop: Workshop, *, beside_text: bool) -> OnehotBlock:
    """The one-hot block of the workshop's feature columns."""
    return fit_onehot([inputs for _, inputs in workshop.parts], beside_text=beside_text)


def quick_recipe(
    name: str,
    workshop: Workshop,
    blocks: tuple[Block, ...],
    fit: Fit,
    *,
    exact_blocks: Callable[[], tuple[Block, ...]] | None = None,
) -> LinearRecipe:
    """A recipe whose blocks are cheap enough to encode again."""
    encoded = tuple(workshop.encode(block) for block in blocks)
    return LinearRecipe(name, workshop, blocks, encoded, fit, exact_blocks)
