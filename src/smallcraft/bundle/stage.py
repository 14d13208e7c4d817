"""A stage: blocks side by side under one head; the unit a candidate is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle import blocks as block_kinds
from smallcraft.bundle import heads as head_kinds
from smallcraft.bundle.blocks.block import Block
from smallcraft.bundle.heads.head import Head
from smallcraft.bundle.inputs import Inputs
from smallcraft.bundle.layout import BundleFiles, BundleWriter
from smallcraft.errors import BundleFormatError


@dataclass(frozen=True)
class Stage:
    """Encodes rows by every block and hands the result to the head."""

    name: str
    blocks: tuple[Block, ...]
    head: Head

    def logits(self, inputs: Inputs) -> NDArray[np.float64]:
        """`(n, k)`."""
        return self.head.logits([block.encode(inputs) for block in self.blocks], inputs.n)

    def save(self, writer: BundleWriter) -> Mapping[str, Any]:
        """Write the stage's files; the result belongs into `bundle.json`."""
        return {
            "name": self.name,
            "blocks": [block.save(writer, self.name) for block in self.blocks],
            "head": self.head.save(writer, self.name),
        }


@dataclass(frozen=True)
class OpenedStage:
    """A stage, and the description that it was loaded from."""

    spec: Mapping[str, Any]
    stage: Stage


def load_stage(spec: Mapping[str, Any], files: BundleFiles) -> Stage:
    """Restore a stage; one that is described twice in a bundle is one object.

    Raises:
        BundleFormatError: A block or head of a kind this version does not know.
        IntegrityError: A file is not what `bundle.json` lists.
    """
    # A stage that routes is described twice, in its place and where it routes.
    opened = files.opened_stages.get(spec["name"])
    if isinstance(opened, OpenedStage) and opened.spec == spec:
        return opened.stage
    stage = _load(spec, files)
    files.opened_stages[spec["name"]] = OpenedStage(spec, stage)
    return stage


def _load(spec: Mapping[str, Any], files: BundleFiles) -> Stage:
    for kind, known in [(block["kind"], block_kinds.BUILTIN) for block in spec["blocks"]]:
        _refuse_unknown(kind, known)
    _refuse_unknown(spec["head"]["kind"], head_kinds.BUILTIN)
    blocks = tuple(block_kinds.BUILTIN[block["kind"]](block, files) for block in spec["blocks"])
    return Stage(spec["name"], blocks, head_kinds.BUILTIN[spec["head"]["kind"]](spec["head"], files))


def _refuse_unknown(kind: str, known: Mapping[str, object]) -> None:
    if kind not in known:
        raise BundleFormatError(
            f"this version reads the kinds {', '.join(sorted(known))}, the bundle has {kind!r}; "
            "update smallcraft to read it"
        )
