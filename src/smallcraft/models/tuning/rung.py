"""A rung of one stage: an encoder tuned together with its head.

Its file says what it needs and the plan; torch is loaded when something is trained, not before.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.stage import Stage
from smallcraft.canonical import digest_value
from smallcraft.contracts import Need
from smallcraft.models.parts.encoder import make_encoder
from smallcraft.models.parts.linear import make_linear_head
from smallcraft.models.tuning.plan import TuningPlan
from smallcraft.models.workshop import Workshop
from smallcraft.records import Task

if TYPE_CHECKING:
    from smallcraft.models.tuning.trainer import EncoderTrainer, TunedEncoder


@dataclass(frozen=True)
class EncoderRung:
    """A rung that tunes the backbone.

    Attributes:
        name: The rung's.
        plan: What is trained, and how.
    """

    name: str
    plan: TuningPlan
    needs: ClassVar[frozenset[Need]] = frozenset({"text", "backbone", "train"})
    tasks: ClassVar[frozenset[Task]] = frozenset({"multiclass", "multilabel"})
    is_raced: ClassVar[bool] = True
    no_cheaper_than: ClassVar[str | None] = "frozen"
    rounds: ClassVar[bool] = True

    def estimate_cpu_s(self, workshop: Workshop) -> float | None:
        """By a few steps on this machine."""
        return self.trainer(workshop).estimate_cpu_s()

    def stages(self, workshop: Workshop) -> tuple[Stage, ...]:
        """The one stage, trained on every row, in the workshop's form."""
        return (workshop.once(f"{self._key} stage", partial(self._stage, workshop)),)

    def out_of_fold(self, workshop: Workshop) -> tuple[NDArray[np.float64], ...]:
        """Logits of the first folds, as many as the plan says and the workshop allows."""
        most = workshop.most_folds
        n_folds = self.plan.folds_trained if most is None else min(most, self.plan.folds_trained)
        return (self.trainer(workshop).out_of_fold(n_folds),)

    def teach(self, workshop: Workshop) -> NDArray[np.float64]:
        """`(n, k)` out-of-fold logits of every row, for a student."""
        return self.trainer(workshop).out_of_fold(len(np.unique(workshop.folds)))

    def tuned(self, workshop: Workshop) -> TunedEncoder:
        """The encoder and head trained on every row, for whoever goes on from them."""
        trainer = self.trainer(workshop)
        return workshop.in_form("int8").once(f"{self._key} encoder", trainer.tuned)

    def trainer(self, workshop: Workshop) -> EncoderTrainer:
        """Trains by the plan; made once, whatever the form."""
        from smallcraft.models.tuning.trainer import EncoderTrainer

        trained = workshop.in_form("int8")
        make = partial(EncoderTrainer, self.name, trained, self.plan)
        return trained.once(f"{self._key} trainer", make)

    @property
    def _key(self) -> str:
        return f"{self.name}-{digest_value(self.plan)[7:15]}"

    def _stage(self, workshop: Workshop) -> Stage:
        tuned, features = self.tuned(workshop), self.trainer(workshop).features
        encoder = make_encoder(workshop.files_of(tuned.source, name=self.name))
        beside = () if features is None else (features,)
        widths = [(encoder.width, False), *((block.width, True) for block in beside)]
        return Stage(self.name, (encoder, *beside), make_linear_head(tuned.head, widths, form=workshop.form))
