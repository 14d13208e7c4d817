"""What every block offers, whatever it reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from smallcraft.bundle.encoded import Encoded
from smallcraft.bundle.inputs import Inputs
from smallcraft.bundle.layout import BundleWriter


class Block(Protocol):
    """Turns rows into a matrix of fixed width."""

    @property
    def name(self) -> str:
        """Its kind: the key in the table of blocks."""

    @property
    def width(self) -> int:
        """Columns of the matrix."""

    def encode(self, inputs: Inputs) -> Encoded:
        """`(n, width)`; a row's values never depend on its neighbours."""

    def save(self, writer: BundleWriter, stage: str) -> Mapping[str, Any]:
        """Write what the block needs; the result, given back to `load`, restores it."""
