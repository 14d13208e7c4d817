"""N-grams and the mean of an encoder's token embeddings in one linear head; the encoder never runs."""

from __future__ import annotations

from smallcraft.bundle.blocks.block import Block
from smallcraft.models.exact import exact_static
from smallcraft.models.parts.linear import fit_margin
from smallcraft.models.parts.static import make_static
from smallcraft.models.parts.vocabulary import fit_ngrams
from smallcraft.models.recipe import LinearRecipe, LinearRung, quick_recipe, with_features
from smallcraft.models.workshop import Workshop


def make_recipe(workshop: Workshop) -> LinearRecipe:
    """The encoder's own tokenizer and token table, and a vocabulary from the texts."""
    static = make_static(workshop.embedding_files())
    ngrams = fit_ngrams(static.tokenizer, workshop.originals)
    blocks = with_features(workshop, [ngrams, static])

    def exact() -> tuple[Block, ...]:
        return (ngrams, exact_static(workshop.in_form("fp32").embedding_files(), static), *blocks[2:])

    return quick_recipe(FAST.name, workshop, blocks, fit_margin, exact_blocks=exact)


FAST = LinearRung("fast", frozenset({"text", "backbone"}), make_recipe)
