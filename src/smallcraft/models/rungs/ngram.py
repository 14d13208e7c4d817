"""Byte-pair n-grams under a linear head: a usable model in seconds, with a tokenizer of its own."""

from __future__ import annotations

from smallcraft.models.parts.linear import fit_margin
from smallcraft.models.parts.vocabulary import fit_ngrams, train_tokenizer
from smallcraft.models.recipe import LinearRecipe, LinearRung, quick_recipe, with_features
from smallcraft.models.workshop import Workshop


def make_recipe(workshop: Workshop) -> LinearRecipe:
    """A tokenizer and a vocabulary from the texts."""
    tokenizer = train_tokenizer(workshop.texts)
    ngrams = fit_ngrams(tokenizer, workshop.originals)
    return quick_recipe(NGRAM.name, workshop, with_features(workshop, [ngrams]), fit_margin)


NGRAM = LinearRung("ngram", frozenset({"text"}), make_recipe)
