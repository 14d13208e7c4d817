"""N-grams and the mean of an encoder's token embeddings in one linear head; the encoder never runs."""

from __future__ import annotations

from smallcraft.models.parts.linear import fit_margin
from smallcraft.models.parts.static import make_static
from smallcraft.models.parts.vocabulary import fit_ngrams
from smallcraft.models.recipe import LinearRecipe, LinearRung, quick_recipe, with_features
from smallcraft.models.workshop import Workshop


def make_recipe(workshop: Workshop) -> LinearRecipe:
    """The encoder's own tokenizer and token table, and a vocabulary from the texts."""
    static = make_static(workshop.encoder_files())
    ngrams = fit_ngrams(static.tokenizer, [inputs for _, inputs in workshop.parts])
    return quick_recipe(FAST.name, workshop, with_features(workshop, [ngrams, static]), fit_margin)


FAST = LinearRung("fast", frozenset({"text", "backbone"}), make_recipe)
