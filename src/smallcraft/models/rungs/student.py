"""Half of the encoder's layers and the pieces that matter, taught by the rungs before it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.canonical import digest_bytes, digest_value
from smallcraft.models.distill import Lesson, StudentPlan, gather_answers, mix_teachers, plan_lessons
from smallcraft.models.memory import Arrays
from smallcraft.models.parts.linear import linear_logits
from smallcraft.models.recipe import LinearRung
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

    It answers out of fold for the first fold alone: that one its teachers know nothing of.
    """

    student: StudentPlan
    tasks: ClassVar[frozenset[Task]] = frozenset({"multiclass"})
    no_cheaper_than: ClassVar[str | None] = "tiny"

    def estimate_cpu_s(self, workshop: Workshop) -> float | None:
        """Its own training, and its teachers': about what `tuned` takes, and the heads'."""
        own = self.trainer(workshop).estimate_cpu_s()
        taught = (FAST, FROZEN, TUNED)
        return own + sum(teacher.estimate_cpu_s(workshop) or 0.0 for teacher in taught)

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
    """`(n, k)` probabilities of every row, from teachers that did not see it."""
    lessons, folds = plan_lessons(workshop.folds), workshop.folds
    answers = [
        [ask(workshop, lesson) for lesson in lessons]
        for ask in (partial(_ask_linear, FAST), partial(_ask_linear, FROZEN), _ask_tuned)
    ]
    return mix_teachers(
        [gather_answers(lessons, each, folds) for each in answers],
        workshop.labels,
        judged=folds == folds.min(),
        logged=workshop.teacher,
    )


def _ask_linear(rung: LinearRung, workshop: Workshop, lesson: Lesson) -> NDArray[np.float64]:
    recipe, held = rung.recipe(workshop), lesson.held

    def compute() -> Arrays:
        weights = recipe.fit_head(recipe.matrix[~held], workshop.labels[~held])
        return {"logits": linear_logits(recipe.matrix[held], weights)}

    workshop.progress(f"fitting a teacher, {rung.name}", 0.0)
    found = workshop.memory.recall(f"teachers/{workshop.name}-{rung.name}-fold{lesson.fold}", compute)
    return np.asarray(found["logits"], np.float64)


def _ask_tuned(workshop: Workshop, lesson: Lesson) -> NDArray[np.float64]:
    from smallcraft.models.tuning.trainer import EncoderTrainer

    # Two folds: what is held out, and the rest.
    parted = replace(workshop, folds=np.where(lesson.held, 0, 1).astype(np.int64))
    teacher = EncoderTrainer(f"teacher{lesson.fold}", parted, TUNED.plan)
    return teacher.out_of_fold(1)[lesson.held]


def embed(workshop: Workshop) -> NDArray[np.float32]:
    """`(n, width)` embeddings of the backbone as it is."""
    encoded = FROZEN.recipe(workshop).encoded[0]
    return np.concatenate([np.asarray(part.values, np.float32) for part in encoded])


STUDENT = Student("student", TuningPlan(layers=3, folds_trained=1), StudentPlan())
