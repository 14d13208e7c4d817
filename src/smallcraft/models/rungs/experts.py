"""Fast first; where it is unsure, the expert of the classes it confuses answers with it.

Above a shared trunk each cluster of classes has top layers and a head of its own, opened when first taken.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.layout import BundleFiles, read_description
from smallcraft.bundle.stage import Stage
from smallcraft.canonical import digest_bytes, digest_value
from smallcraft.contracts import Need
from smallcraft.models.experts import GAIN, ExpertsPlan, ExpertsTrainer
from smallcraft.models.parts.experts import Expert, make_experts_stage, open_graphs, write_graphs
from smallcraft.models.rungs.fast import FAST
from smallcraft.models.workshop import Workshop
from smallcraft.records import Task


@dataclass(frozen=True)
class Experts:
    """Two stages: `fast`, which also routes, and the experts.

    Attributes:
        plan: How many experts, and how they are trained.
    """

    name: ClassVar[str] = "experts"
    needs: ClassVar[frozenset[Need]] = frozenset({"text", "backbone", "train"})
    tasks: ClassVar[frozenset[Task]] = frozenset({"multiclass"})
    is_raced: ClassVar[bool] = True
    no_cheaper_than: ClassVar[str | None] = "fast"
    rounds: ClassVar[bool] = True
    plan: ExpertsPlan = field(default_factory=ExpertsPlan)

    def estimate_cpu_s(self, workshop: Workshop) -> float | None:
        """By a few steps of training on this machine."""
        no_router = np.empty((0, len(workshop.classes)))
        return ExpertsTrainer(workshop.in_form("int8"), no_router, self.plan).estimate_cpu_s()

    def stages(self, workshop: Workshop) -> tuple[Stage, ...]:
        """Fast, then the experts, trained on every row."""
        return (*FAST.stages(workshop), workshop.once("experts stage", lambda: self._stage(workshop)))

    def out_of_fold(self, workshop: Workshop) -> tuple[NDArray[np.float64], ...]:
        """Logits of both; the experts' are of the folds trained for."""
        trainer = self.trainer(workshop)
        return trainer.router, trainer.out_of_fold()

    def trainer(self, workshop: Workshop) -> ExpertsTrainer:
        """Trains from the fast stage's out-of-fold logits."""
        (router,) = FAST.out_of_fold(workshop.in_form("int8"))
        return ExpertsTrainer(workshop.in_form("int8"), router, self.plan)

    def _stage(self, workshop: Workshop) -> Stage:
        trainer = self.trainer(workshop)
        routing, experts = trainer.experts()
        (router,) = FAST.stages(workshop)
        return make_experts_stage(
            *(self.name, router, routing, experts),
            graphs=self._graphs(workshop, trainer.first_layer, experts),
            encoder=workshop.encoder_files(),
            gain=GAIN,
            form=workshop.form,
        )

    def _graphs(self, workshop: Workshop, first_layer: int, experts: tuple[Expert, ...]) -> BundleFiles:
        """Written to the scratch folder, whole or not at all."""
        trained = [
            [name, digest_bytes(array.tobytes())]
            for expert in experts
            for name, array in expert.weights.items()
        ]
        made_from = (workshop.backbone_source().digest, workshop.form, first_layer, trained)
        target = workshop.scratch / f"experts-{digest_value(made_from)[7:23]}"
        if not target.exists():
            draft = target.with_name(f"{target.name}.{os.getpid()}.tmp")
            shutil.rmtree(draft, ignore_errors=True)
            _write(workshop, first_layer, experts, draft)
            draft.rename(target)
        return open_graphs(target)


def _write(workshop: Workshop, first_layer: int, experts: tuple[Expert, ...], target: Path) -> None:
    encoder = read_description(workshop.encoder_files().root)[0]["encoder"]
    write_graphs(
        *(workshop.backbone_source(), experts, target),
        first_layer=first_layer,
        form=workshop.form,
        encoder=encoder,
    )
