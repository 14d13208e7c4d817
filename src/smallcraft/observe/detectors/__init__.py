"""Detectors: what turns the numbers of a window into e-values; one a file, all through one contract test."""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.observe.detectors.conformal import ConformalDetector
from smallcraft.observe.detectors.threshold import ThresholdDetector
from smallcraft.observe.detectors.tilts import TiltsDetector
from smallcraft.observe.quantities import Detector

BUILTIN: Mapping[str, Detector] = {
    "conformal": ConformalDetector(),
    "threshold": ThresholdDetector(),
    "tilts": TiltsDetector(),
}
