"""Small bundles that are written in a moment: 384 numbers to 77 classes, and texts to three."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from smallcraft.bundle.blocks.columns import ColumnsBlock
from smallcraft.bundle.decoder import Decoder
from smallcraft.bundle.heads.linear import LinearHead, exact_weights
from smallcraft.bundle.inputs import InputSpec
from smallcraft.bundle.stage import Stage
from smallcraft.models.export import write_bundle


def write_numbers_bundle(
    folder: Path, *, seed: int, numbers: int = 384, classes: int = 77, name: str = "toy", size: float = 1.0
) -> tuple[Path, str]:
    """A linear model over `x0`, `x1`, ...; another seed is another model, another name another release.

    `size` is about that of its weights.
    """
    rng = np.random.default_rng(seed)
    head = LinearHead(
        rng.normal(size=classes).astype(np.float32),
        (exact_weights(size * rng.normal(size=(numbers, classes))),),
    )
    return write_bundle(
        folder,
        (Stage("only", (ColumnsBlock(numbers, ()),), head),),
        Decoder(scale=0.1),
        classes=tuple(f"class {code}" for code in range(classes)),
        spec=InputSpec(numbers=tuple(f"x{place}" for place in range(numbers))),
        about={"rung": f"{name}{seed}"},
    )
