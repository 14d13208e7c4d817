"""The tuned encoder made smaller: fewer layers, neurons and pieces; what is left learns from the whole."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.stage import Stage
from smallcraft.contracts import Need
from smallcraft.models.parts.encoder import make_encoder
from smallcraft.models.parts.linear import make_linear_head
from smallcraft.models.prune import PruningPlan
from smallcraft.models.rungs.tuned import TUNED
from smallcraft.models.tuning.rung import EncoderRung
from smallcraft.models.workshop import Workshop
from smallcraft.records import Task

if TYPE_CHECKING:
    from smallcraft.models.tuning.pruner import Pruner


@dataclass(frozen=True)
class PrunedRung:
    """Prunes what another rung tuned; that is trained once for both.

    Attributes:
        name: The rung's.
        plan: What is taken out, and how the rest recovers.
        parent: The rung whose encoder is pruned.
    """

    name: str
    plan: PruningPlan
    parent: EncoderRung
    needs: ClassVar[frozenset[Need]] = frozenset({"text", "backbone", "train"})
    tasks: ClassVar[frozenset[Task]] = frozenset({"multiclass"})
    is_raced: ClassVar[bool] = True
    no_cheaper_than: ClassVar[str | None] = None
    rounds: ClassVar[bool] = True

    def estimate_cpu_s(self, workshop: Workshop) -> float | None:
        """The parent's training, and recovery beside it."""
        return self.pruner(workshop).estimate_cpu_s()

    def stages(self, workshop: Workshop) -> tuple[Stage, ...]:
        """The one stage, trained on every row, in the workshop's form."""
        return (workshop.once(f"{self.name} stage", partial(self._stage, workshop)),)

    def out_of_fold(self, workshop: Workshop) -> tuple[NDArray[np.float64], ...]:
        """Logits of the first folds, as many as the plan says and the workshop allows."""
        most = workshop.most_folds
        n_folds = self.plan.folds_trained if most is None else min(most, self.plan.folds_trained)
        return (self.pruner(workshop).out_of_fold(n_folds),)

    def pruner(self, workshop: Workshop) -> Pruner:
        """Prunes by the plan; made once, whatever the form."""
        from smallcraft.models.tuning.pruner import Pruner

        trained = workshop.in_form("int8")

        def make() -> Pruner:
            return Pruner(self.name, trained, self.plan, self.parent.trainer(trained))

        return trained.once(f"{self.name} pruner", make)

    def _stage(self, workshop: Workshop) -> Stage:
        pruner = self.pruner(workshop)
        pruned, features = pruner.pruned(), pruner.parent.features
        encoder = make_encoder(workshop.files_of(pruned.source, name=self.name))
        beside = () if features is None else (features,)
        widths = [(encoder.width, False), *((block.width, True) for block in beside)]
        return Stage(self.name, (encoder, *beside), make_linear_head(pruned.head, widths, form=workshop.form))


PRUNED = PrunedRung("pruned", PruningPlan(), TUNED)
