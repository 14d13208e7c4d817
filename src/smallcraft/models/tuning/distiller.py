"""Trains a student: an encoder with fewer pieces and layers than the backbone, taught by other rungs.

Leaves to others: who teaches (`rungs.student`), the mix (`models.distill`), the training (`tuning.trainer`).
Always: a student that answers for a fold was trained without the fold's rows; what it was trained with is
part of the name under which it is remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from smallcraft.canonical import digest_value
from smallcraft.models.distill import StudentPlan
from smallcraft.models.encoders import EncoderSource
from smallcraft.models.parts.pieces import prune_source
from smallcraft.models.prune import Structure, inner_widths, take_structure
from smallcraft.models.tuning.losses import Distillation, Labels
from smallcraft.models.tuning.trainer import EncoderTrainer


@dataclass(frozen=True)
class Teachers:
    """Who teaches.

    Attributes:
        key: Stands for everything that their answers depend on.
        probs: Gives `(n, k)` float32 probabilities, each row from models that did not see its fold.
        embeddings: Gives `(n, width)` float32 embeddings of an encoder that saw no label.
    """

    key: str
    probs: Callable[[], NDArray[np.float32]]
    embeddings: Callable[[], NDArray[np.float32]]


@dataclass(frozen=True)
class Distiller(EncoderTrainer):
    """Trains a student by two plans: how, as every encoder, and what.

    Attributes:
        student: What.
        teachers: Who teaches; asked when something is trained.
    """

    student: StudentPlan
    teachers: Teachers

    @cached_property
    def source(self) -> EncoderSource:
        """The backbone, as much of it as the student keeps."""
        found, plan = self.workshop.backbone_source(), self.student
        if plan.keep_layers is not None:
            kept = tuple(layer for layer in plan.keep_layers if layer < found.layers)
            widths = inner_widths(found)
            found = take_structure(found, Structure(kept, tuple(np.arange(widths[layer]) for layer in kept)))
        if plan.vocabulary_margin is None:
            return found
        return prune_source(found, self.workshop.texts, margin=plan.vocabulary_margin)

    @property
    def _key(self) -> str:
        made_from = (self.plan, self.student, self.source.digest, self.teachers.key)
        return f"{self.name}-{digest_value(made_from)[7:15]}"

    def _objective(self) -> Labels | Distillation:
        labels, plan = Labels(self.workshop.labels, self.plan.smoothing), self.student
        if not plan.teacher_share and not plan.embedding_share:
            return labels
        return Distillation(
            labels,
            self.teachers.probs(),
            share=plan.teacher_share,
            embeddings=self.teachers.embeddings() if plan.embedding_share else None,
            embedding_share=plan.embedding_share,
        )
