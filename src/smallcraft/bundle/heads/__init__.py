"""Heads: each turns a stage's encoded blocks into logits, and nothing more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from smallcraft.bundle.heads.head import Head
from smallcraft.bundle.heads.linear import LinearHead
from smallcraft.bundle.heads.trees import TreesHead
from smallcraft.bundle.layout import BundleFiles

BUILTIN: Mapping[str, Callable[[Mapping[str, Any], BundleFiles], Head]] = {
    "linear": LinearHead.load,
    "trees": TreesHead.load,
}
