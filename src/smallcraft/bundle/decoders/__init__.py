"""Decoders: each turns probabilities into answers, sure enough to be given or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from smallcraft.bundle.decoders.abstain import Abstain
from smallcraft.bundle.decoders.argmax import Argmax
from smallcraft.bundle.decoders.conformal import Conformal
from smallcraft.bundle.decoders.decider import Decider
from smallcraft.bundle.decoders.hierarchical import Hierarchical
from smallcraft.bundle.decoders.thresholds import Thresholds
from smallcraft.bundle.decoders.value import Value

BUILTIN: Mapping[str, Callable[[Mapping[str, Any]], Decider]] = {
    "argmax": Argmax.read,
    "abstain": Abstain.read,
    "conformal": Conformal.read,
    "hierarchical": Hierarchical.read,
    "thresholds": Thresholds.read,
    "value": Value.read,
}
