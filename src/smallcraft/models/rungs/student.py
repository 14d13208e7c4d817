"""Half of the encoder's layers and the pieces that matter, taught by the rungs before it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.canonical import digest_bytes, digest_value
from smallcraft.models.distill import StudentPlan, mix_teachers
from smallcraft.models.rungs.fast import FAST
from smallcraft.models.rungs.frozen import FROZEN
from smallcraft.models.rungs.tuned import TUNED
from smallcraft.models.tuning.plan import TuningPlan
from smallcraft.models.tuning.rung import EncoderRung
from smallcraft.models.workshop import Workshop
from smallcraft.records import Task

if TYPE_CHECKING:
    from smallcraft.models.tuning.distiller import Distiller


@dataclass(frozen=True)
class Student(EncoderRung):
    """Its teachers are fast, frozen and tuned, and a large model where its answers were logged.

    Attributes:
        student: What it keeps of the backbone, and whom it believes.
    """

    student: StudentPlan
    tasks: ClassVar[frozenset[Task]] = frozenset({"multiclass"})
    no_cheaper_than: ClassVar[str | None] = "tiny"

    def estimate_cpu_s(self, workshop: Workshop) -> float | None:
        """Its own training, and its teachers' for every fold."""
        own = self.trainer(workshop).estimate_cpu_s()
        folds = len(np.unique(workshop.folds))
        teacher = replace(TUNED, plan=replace(TUNED.plan, folds_trained=folds))
        taught = [FAST.estimate_cpu_s(workshop), FROZEN.estimate_cpu_s(workshop)]
        return own + (teacher.estimate_cpu_s(workshop) or 0.0) + sum(cost or 0.0 for cost in taught)

    def trainer(self, workshop: Workshop) -> Distiller:
        """Trains by the plans; made once, whatever the form."""
        trained = workshop.in_form("int8")
        return trained.once(f"{self.name} trainer", partial(self._make_trainer, trained))

    def _make_trainer(self, workshop: Workshop) -> Distiller:
        from smallcraft.models.tuning.distiller import Distiller, Teachers

        logged = workshop.teacher
        key = digest_value((TUNED.plan, None if logged is None else digest_bytes(logged.tobytes())))
        teachers = Teachers(key, partial(ask_teachers, workshop), partial(embed, workshop))
        return Distiller(self.name, workshop, self.plan, self.student, teachers)


def ask_teachers(workshop: Workshop) -> NDArray[np.float32]:
    """`(n, k)` out-of-fold probabilities of every row."""
    logits = [*FAST.out_of_fold(workshop), *FROZEN.out_of_fold(workshop), TUNED.teach(workshop)]
    return mix_teachers(logits, workshop.labels, logged=workshop.teacher)


def embed(workshop: Workshop) -> NDArray[np.float32]:
    """`(n, width)` embeddings of the backbone as it is."""
    encoded = FROZEN.recipe(workshop).encoded[0]
    return np.concatenate([np.asarray(part.values, np.float32) for part in encoded])


STUDENT = Student("student", TuningPlan(layers=3), StudentPlan())
