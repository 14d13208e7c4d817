"""The exact form of what a bundle holds: blocks that nothing was rounded in, and what is rounded in others.

Leaves to others: heads (`models.parts.linear`), encoders (`models.encoders`).
Always: what is called rounded is so by its bytes, not by what a rung says of itself.
Not covered: kinds of blocks and heads that plug-ins bring.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smallcraft.bundle.blocks.encoder import EncoderBlock
from smallcraft.bundle.blocks.experts import ExpertsBlock
from smallcraft.bundle.blocks.static import StaticBlock
from smallcraft.bundle.heads.linear import LinearHead
from smallcraft.bundle.layout import BundleFiles, read_description
from smallcraft.bundle.stage import Stage


def exact_static(files: BundleFiles, rounded: StaticBlock) -> StaticBlock:
    """A static block over the token table in float32.

    Args:
        files: The encoder in the form `fp32`.
        rounded: The block over the table in bytes; its gain and its tokenizer are kept.
    """
    spec = read_description(files.root)[0]["encoder"]
    path = spec["weights"][0]
    table = np.frombuffer(files.read(path), dtype=np.float32).reshape(spec["tokens"], spec["width"])
    center = table.mean(axis=0, dtype=np.float64).astype(np.float32)
    return StaticBlock(rounded.tokenizer, table, center, rounded.gain, path)


def list_rounded(stages: Sequence[Stage]) -> tuple[str, ...]:
    """What is INT8 in a candidate: `<stage>/<block or head>` each, in order."""
    found: list[str] = []
    for stage in stages:
        found += [f"{stage.name}/{block.name}" for block in stage.blocks if _is_rounded(block)]
        if _is_rounded(stage.head):
            found.append(f"{stage.name}/head")
    return tuple(dict.fromkeys(found))


def _is_rounded(part: object) -> bool:
    if isinstance(part, EncoderBlock | ExpertsBlock):
        return bool(part.spec.get("form", "int8") == "int8")
    if isinstance(part, StaticBlock):
        return bool(part.table.dtype == np.uint8)
    if isinstance(part, LinearHead):
        return any(weights.values.dtype == np.int8 for weights in part.parts)
    return False
