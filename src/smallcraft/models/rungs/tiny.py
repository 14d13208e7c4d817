"""The fast rung over the pieces that the texts need: a few megabytes in all; the encoder never runs.

Leaves to others: pruning (`parts.pieces`), n-grams and head, which are those of `fast`.
Always: training texts give exactly the n-grams that `fast` sees.
Not covered: texts in another language than the training texts; `fast` keeps the whole table.
"""

from __future__ import annotations

from smallcraft.bundle.blocks.block import Block
from smallcraft.models.parts.linear import fit_margin
from smallcraft.models.parts.static import make_static_of
from smallcraft.models.parts.tokenizers import BUILTIN
from smallcraft.models.parts.vocabulary import fit_ngrams
from smallcraft.models.recipe import LinearRecipe, LinearRung, quick_recipe, with_features
from smallcraft.models.workshop import Workshop


def make_recipe(workshop: Workshop) -> LinearRecipe:
    """The encoder's tokenizer and token table, pruned, and a vocabulary from the texts."""
    source = workshop.backbone_source()
    fitted = BUILTIN["pruned"].fit(workshop.texts, source)
    ngrams = fit_ngrams(fitted.tokenizer, workshop.originals)
    blocks = with_features(workshop, [ngrams, make_static_of(source, fitted)])

    def exact() -> tuple[Block, ...]:
        return (ngrams, make_static_of(source, fitted, form="fp32"), *blocks[2:])

    return quick_recipe(TINY.name, workshop, blocks, fit_margin, exact_blocks=exact)


TINY = LinearRung("tiny", frozenset({"text", "backbone"}), make_recipe)
