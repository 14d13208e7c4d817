"""Always answers with the shares of the classes, or the mean of the values: what every rung must beat."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.heads.linear import LinearHead
from smallcraft.bundle.stage import Stage
from smallcraft.contracts import Need
from smallcraft.models.parts.targets import TASKS
from smallcraft.models.workshop import Workshop
from smallcraft.records import Task


class Majority:
    """No blocks; the head's bias is the log share of each class, one row added to each.

    Of several labels a row it is the log odds of each, of numbers their mean.
    """

    name: ClassVar[str] = "majority"
    needs: ClassVar[frozenset[Need]] = frozenset()
    tasks: ClassVar[frozenset[Task]] = frozenset(TASKS)
    is_raced: ClassVar[bool] = False
    no_cheaper_than: ClassVar[str | None] = None
    rounds: ClassVar[bool] = False

    def estimate_cpu_s(self, workshop: Workshop) -> float | None:  # noqa: ARG002 - the contract
        """Seconds: nothing to weigh beforehand."""
        return None

    def stages(self, workshop: Workshop) -> tuple[Stage, ...]:
        """One stage without blocks."""
        answer = TASKS[workshop.task].constant(workshop.labels, len(workshop.classes))
        return (Stage(self.name, (), LinearHead(answer.astype(np.float32), ())),)

    def out_of_fold(self, workshop: Workshop) -> tuple[NDArray[np.float64], ...]:
        """The shares outside each row's fold."""
        logits = np.empty((len(workshop.labels), len(workshop.classes)))
        for fold in np.unique(workshop.folds):
            held = workshop.folds == fold
            logits[held] = TASKS[workshop.task].constant(workshop.labels[~held], len(workshop.classes))
        return (logits,)
