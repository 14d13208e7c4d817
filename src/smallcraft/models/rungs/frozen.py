"""An encoder as it is, in INT8, under a logistic head; no torch.

The encoder has seen no label, so its embeddings are the same for every fold.
"""

from __future__ import annotations

from smallcraft.models.parts.encoder import make_encoder
from smallcraft.models.parts.linear import fit_logistic
from smallcraft.models.recipe import LinearRecipe, LinearRung, with_features
from smallcraft.models.workshop import Workshop


def make_recipe(workshop: Workshop) -> LinearRecipe:
    """Embeddings of every text, remembered as they are made."""
    encoder, *features = with_features(workshop, [make_encoder(workshop.encoder_files())])
    encoded = (workshop.encode_slowly(encoder, "encoder"), *(workshop.encode(block) for block in features))
    return LinearRecipe(FROZEN.name, workshop, (encoder, *features), encoded, fit_logistic)


FROZEN = LinearRung("frozen", frozenset({"text", "backbone"}), make_recipe)
