"""Calibrators: each corrects probabilities where a temperature alone does not calibrate them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from smallcraft.bundle.calibrators.calibrator import Calibrator
from smallcraft.bundle.calibrators.isotonic import Isotonic
from smallcraft.bundle.calibrators.vector import Vector

BUILTIN: Mapping[str, Callable[[Mapping[str, Any]], Calibrator]] = {
    "isotonic": Isotonic.read,
    "vector": Vector.read,
}
