"""Mean squared distance of the probabilities from the truth, summed over classes: 0 to 2."""

from __future__ import annotations

from dataclasses import dataclass

from smallcraft.evaluate.measuring.losses import measure_losses
from smallcraft.records import Measurement, Predictions
from smallcraft.stats.calibration import brier_losses


@dataclass(frozen=True)
class Brier:
    """Brier score with a Student-t interval, clustered where rows share a key."""

    name: str = "brier"
    higher_is_better: bool = False

    def measure(self, predictions: Predictions, *, confidence: float, seed: int) -> Measurement:  # noqa: ARG002
        """Point and interval over all rows; the seed is not needed."""
        losses = brier_losses(predictions.truth, predictions.probs)
        return measure_losses(self.name, "score", losses, predictions.clusters, confidence=confidence)
