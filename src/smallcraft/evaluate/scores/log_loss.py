"""Mean negative log-probability of the truth, in nats."""

from __future__ import annotations

from dataclasses import dataclass

from smallcraft.evaluate.measuring.losses import measure_losses
from smallcraft.records import Measurement, Predictions
from smallcraft.stats.calibration import log_losses


@dataclass(frozen=True)
class LogLoss:
    """Log-loss with a Student-t interval, clustered where rows share a key."""

    name: str = "log_loss"
    higher_is_better: bool = False

    def measure(self, predictions: Predictions, *, confidence: float, seed: int) -> Measurement:  # noqa: ARG002
        """Point and interval over all rows; the seed is not needed."""
        losses = log_losses(predictions.truth, predictions.probs)
        return measure_losses(self.name, "nats", losses, predictions.clusters, confidence=confidence)
