"""The encoder block that is made from a quantized encoder."""

from __future__ import annotations

import numpy as np

from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.bundle.layout import BundleFiles, listed_digests, read_description
from smallcraft.models.encoders import source_of, write_encoder
from smallcraft.models.parts.encoder import make_encoder


def test_rows_have_length_four_and_the_encoders_width(tiny_backbone, tmp_path):
    write_encoder(source_of(tiny_backbone), tmp_path / "encoder")
    files = BundleFiles(tmp_path / "encoder", listed_digests(read_description(tmp_path / "encoder")[0]))
    block = make_encoder(files)
    values = block.encode(read_inputs(["lost my card", ""], InputSpec(text="message"))).values
    assert values.shape == (2, block.width) == (2, 16)
    assert np.allclose(np.linalg.norm(values, axis=1), 4, atol=1e-5)
