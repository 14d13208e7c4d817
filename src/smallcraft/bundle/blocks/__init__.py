"""Blocks: each turns rows into a matrix; a stage's head reads them side by side.

The same code makes the features in training and on the device, so the two cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from smallcraft.bundle.blocks.block import Block
from smallcraft.bundle.blocks.columns import ColumnsBlock
from smallcraft.bundle.blocks.encoder import EncoderBlock
from smallcraft.bundle.blocks.experts import ExpertsBlock
from smallcraft.bundle.blocks.ngram import NgramBlock
from smallcraft.bundle.blocks.onehot import OnehotBlock
from smallcraft.bundle.blocks.static import StaticBlock
from smallcraft.bundle.layout import BundleFiles

BUILTIN: Mapping[str, Callable[[Mapping[str, Any], BundleFiles], Block]] = {
    "columns": ColumnsBlock.load,
    "encoder": EncoderBlock.load,
    "experts": ExpertsBlock.load,
    "ngram": NgramBlock.load,
    "onehot": OnehotBlock.load,
    "static": StaticBlock.load,
}
