"""The fast stage answers what it is sure of; the rest is answered by fast and frozen together."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.stage import Stage
from smallcraft.contracts import Need
from smallcraft.models.rungs.fast import FAST
from smallcraft.models.rungs.frozen import FROZEN
from smallcraft.models.workshop import Workshop
from smallcraft.records import Task


class Cascade:
    """Both stages are those of the rungs before it: nothing is trained twice."""

    name: ClassVar[str] = "cascade"
    needs: ClassVar[frozenset[Need]] = FAST.needs | FROZEN.needs
    tasks: ClassVar[frozenset[Task]] = frozenset({"multiclass"})
    is_raced: ClassVar[bool] = False
    no_cheaper_than: ClassVar[str | None] = None
    rounds: ClassVar[bool] = True

    def estimate_cpu_s(self, workshop: Workshop) -> float | None:
        """What its second stage takes."""
        return FROZEN.estimate_cpu_s(workshop)

    def stages(self, workshop: Workshop) -> tuple[Stage, ...]:
        """Fast, then frozen."""
        return (*FAST.stages(workshop), *FROZEN.stages(workshop))

    def out_of_fold(self, workshop: Workshop) -> tuple[NDArray[np.float64], ...]:
        """Logits of both."""
        return (*FAST.out_of_fold(workshop), *FROZEN.out_of_fold(workshop))
