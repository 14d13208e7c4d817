"""Feature columns one-hot under a logistic head: quantile bins for numbers, a slot a category."""

from __future__ import annotations

from smallcraft.models.parts.linear import fit_logistic
from smallcraft.models.recipe import LinearRecipe, LinearRung, fit_features, quick_recipe
from smallcraft.models.workshop import Workshop


def make_recipe(workshop: Workshop) -> LinearRecipe:
    """Bins and categories from the feature columns; text is not read."""
    block = fit_features(workshop, beside_text=False)
    return quick_recipe(LINEAR.name, workshop, (block,), fit_logistic)


LINEAR = LinearRung("linear", frozenset({"features"}), make_recipe)
