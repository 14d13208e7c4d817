"""An encoder as it is, in INT8, under a logistic head."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.stage import Stage
from smallcraft.models.parts.encoder import make_encoder
from smallcraft.models.parts.linear import fit_logistic
from smallcraft.models.recipe import LinearRecipe, with_features
from smallcraft.models.workshop import Workshop


class Frozen:
    """Needs a text column and a backbone; no torch."""

    name: ClassVar[str] = "frozen"

    def missing(self, workshop: Workshop) -> str | None:
        """A text column and a backbone are needed."""
        if not workshop.spec.text:
            return "needs a text column; name one as `text` under [data]"
        return None if workshop.backbone else workshop.no_backbone

    def stages(self, workshop: Workshop) -> tuple[Stage, ...]:
        """One stage: encoder and head."""
        return (workshop.stage(self.name, lambda: self._recipe(workshop).stage()),)

    def out_of_fold(self, workshop: Workshop) -> tuple[NDArray[np.float64], ...]:
        """Logits of the head; the encoder has seen no label, so it is the same for every fold."""
        return (self._recipe(workshop).out_of_fold(),)

    def _recipe(self, workshop: Workshop) -> LinearRecipe:
        encoder, *features = with_features(workshop, [make_encoder(workshop.encoder_files())])
        encoded = [
            workshop.encode_slowly(encoder, "encoder"),
            *(workshop.encode(block) for block in features),
        ]
        return LinearRecipe(self.name, workshop, (encoder, *features), tuple(encoded), fit_logistic)
