"""The fast stage answers what it is sure of; the rest is answered by fast and frozen together."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.stage import Stage
from smallcraft.models.rungs.fast import Fast
from smallcraft.models.rungs.frozen import Frozen
from smallcraft.models.workshop import Workshop


class Cascade:
    """Both stages are those of the rungs before it: nothing is trained twice."""

    name: ClassVar[str] = "cascade"

    def missing(self, workshop: Workshop) -> str | None:
        """What `frozen` needs."""
        return Frozen().missing(workshop)

    def stages(self, workshop: Workshop) -> tuple[Stage, ...]:
        """Fast, then frozen."""
        return (*Fast().stages(workshop), *Frozen().stages(workshop))

    def out_of_fold(self, workshop: Workshop) -> tuple[NDArray[np.float64], ...]:
        """Logits of both."""
        return (*Fast().out_of_fold(workshop), *Frozen().out_of_fold(workshop))
