"""N-grams and the mean of an encoder's token embeddings in one linear head; the encoder never runs."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.stage import Stage
from smallcraft.models.parts.linear import fit_margin
from smallcraft.models.parts.static import make_static
from smallcraft.models.parts.vocabulary import fit_ngrams
from smallcraft.models.recipe import LinearRecipe, quick_recipe, with_features
from smallcraft.models.workshop import Workshop


class Fast:
    """Needs a text column and a backbone's token table."""

    name: ClassVar[str] = "fast"

    def missing(self, workshop: Workshop) -> str | None:
        """A text column and a backbone are needed."""
        if not workshop.spec.text:
            return "needs a text column; name one as `text` under [data]"
        return None if workshop.backbone else workshop.no_backbone

    def stages(self, workshop: Workshop) -> tuple[Stage, ...]:
        """One linear stage."""
        return (workshop.stage(self.name, lambda: self._recipe(workshop).stage()),)

    def out_of_fold(self, workshop: Workshop) -> tuple[NDArray[np.float64], ...]:
        """Logits of the linear stage."""
        return (self._recipe(workshop).out_of_fold(),)

    def _recipe(self, workshop: Workshop) -> LinearRecipe:
        static = make_static(workshop.encoder_files())
        ngrams = fit_ngrams(static.tokenizer, [inputs for _, inputs in workshop.parts])
        return quick_recipe(self.name, workshop, with_features(workshop, [ngrams, static]), fit_margin)
