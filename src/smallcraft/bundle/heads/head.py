"""What every head offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.encoded import Encoded
from smallcraft.bundle.layout import BundleWriter


class Head(Protocol):
    """Turns encoded blocks into logits."""

    @property
    def name(self) -> str:
        """Its kind: the key in the table of heads."""

    def logits(self, encoded: Sequence[Encoded], n: int) -> NDArray[np.float64]:
        """`(n, k)`, one row a row; a row's logits never depend on its neighbours."""

    def save(self, writer: BundleWriter, stage: str) -> Mapping[str, Any]:
        """Write what the head needs; the result, given back to `load`, restores it."""
