"""An encoder as it is, in INT8, under a logistic head; no torch.

The encoder has seen no label, so its embeddings are the same for every fold.
"""

from __future__ import annotations

import numpy as np

from smallcraft.bundle.blocks.block import Block
from smallcraft.models.parts.encoder import make_encoder
from smallcraft.models.parts.linear import MOST_ITERATIONS, fit_logistic
from smallcraft.models.recipe import LinearRecipe, LinearRung, with_features
from smallcraft.models.workshop import Workshop

# What the solver reached on one thread where it was measured; within a factor of two is near enough.
_FIT_FLOPS_A_SECOND = 20e9


def make_recipe(workshop: Workshop) -> LinearRecipe:
    """Embeddings of every text, remembered as they are made."""
    encoder, *features = with_features(workshop, [make_encoder(workshop.encoder_files())])
    encoded = (workshop.encode_slowly(encoder, "encoder"), *(workshop.encode(block) for block in features))

    def exact() -> tuple[Block, ...]:
        return (make_encoder(workshop.in_form("fp32").encoder_files()), *features)

    return LinearRecipe(FROZEN.name, workshop, (encoder, *features), encoded, fit_logistic, exact)


def estimate_cpu_s(workshop: Workshop) -> float:
    """Encoding every text, by a sample of them, and fitting a head for each fold and one for all."""
    encoder = make_encoder(workshop.encoder_files())
    heads = len(np.unique(workshop.folds)) + 1
    products = 4.0 * len(workshop.labels) * encoder.width * len(workshop.classes) * MOST_ITERATIONS
    return workshop.estimate_encoding(encoder) + heads * products / _FIT_FLOPS_A_SECOND


FROZEN = LinearRung("frozen", frozenset({"text", "backbone"}), make_recipe, estimate_cpu_s)
