"""Attention patterns: how a layer's tokens look at each other, for torch and for the graph."""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.models.parts.attention.attention import Attention
from smallcraft.models.parts.attention.full import Full
from smallcraft.models.parts.attention.linear import Linear
from smallcraft.models.parts.attention.window import Window

BUILTIN: Mapping[str, Attention] = {
    "full": Full(),
    "window": Window(),
    "linear": Linear(),
}
