"""Word-piece n-grams under a linear head: a usable model in seconds, with a tokenizer of its own."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.stage import Stage
from smallcraft.models.parts.linear import fit_margin
from smallcraft.models.parts.vocabulary import fit_ngrams, train_tokenizer
from smallcraft.models.recipe import LinearRecipe, quick_recipe, with_features
from smallcraft.models.workshop import Workshop


class Ngram:
    """Needs a text column and nothing else."""

    name: ClassVar[str] = "ngram"

    def missing(self, workshop: Workshop) -> str | None:
        """A text column is needed."""
        return None if workshop.spec.text else "needs a text column; name one as `text` under [data]"

    def stages(self, workshop: Workshop) -> tuple[Stage, ...]:
        """One linear stage."""
        return (workshop.stage(self.name, lambda: self._recipe(workshop).stage()),)

    def out_of_fold(self, workshop: Workshop) -> tuple[NDArray[np.float64], ...]:
        """Logits of the linear stage."""
        return (self._recipe(workshop).out_of_fold(),)

    def _recipe(self, workshop: Workshop) -> LinearRecipe:
        tokenizer = train_tokenizer(workshop.texts)
        block = fit_ngrams(tokenizer, [inputs for _, inputs in workshop.parts])
        return quick_recipe(self.name, workshop, with_features(workshop, [block]), fit_margin)
