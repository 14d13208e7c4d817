"""The static block that is made from a quantized encoder's token table."""

from __future__ import annotations

import numpy as np
from tests.models.tinybert import make_weights

from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.bundle.layout import BundleFiles, listed_digests, read_description
from smallcraft.models.parts.static import make_static
from smallcraft.models.quantize import write_encoder


def test_rows_agree_with_the_mean_over_the_encoders_own_embeddings(tiny_backbone, tmp_path):
    write_encoder(tiny_backbone, tmp_path / "encoder")
    files = BundleFiles(tmp_path / "encoder", listed_digests(read_description(tmp_path / "encoder")[0]))
    block = make_static(files)
    floats = make_weights()["embeddings.word_embeddings.weight"].astype(np.float64)
    texts = ["lost my card", "late fee", "pay the bill is open"]
    rows = block.encode(read_inputs(texts, InputSpec(text="message"))).values
    for row, tokens in zip(rows, block.tokenizer.encode(texts), strict=True):
        mean = floats[tokens].mean(axis=0) - floats.mean(axis=0)
        assert np.abs(row - 1.5 * mean / np.linalg.norm(mean)).max() < 0.03
