"""Feature columns one-hot under a logistic head: quantile bins for numbers, a slot a category."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.stage import Stage
from smallcraft.models.parts.linear import fit_logistic
from smallcraft.models.recipe import LinearRecipe, fit_features, quick_recipe
from smallcraft.models.workshop import Workshop


class Linear:
    """Needs feature columns; reads no text."""

    name: ClassVar[str] = "linear"

    def missing(self, workshop: Workshop) -> str | None:
        """Feature columns are needed."""
        spec = workshop.spec
        return (
            None
            if spec.numbers or spec.categories
            else "needs feature columns; name them as `features` under [data]"
        )

    def stages(self, workshop: Workshop) -> tuple[Stage, ...]:
        """One linear stage."""
        return (workshop.stage(self.name, lambda: self._recipe(workshop).stage()),)

    def out_of_fold(self, workshop: Workshop) -> tuple[NDArray[np.float64], ...]:
        """Logits of the linear stage."""
        return (self._recipe(workshop).out_of_fold(),)

    def _recipe(self, workshop: Workshop) -> LinearRecipe:
        block = fit_features(workshop, beside_text=False)
        return quick_recipe(self.name, workshop, (block,), fit_logistic)
