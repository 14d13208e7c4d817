"""Share of rows whose most probable class is the truth."""

from __future__ import annotations

from dataclasses import dataclass

from smallcraft.evaluate.measuring.estimates import measure_hits
from smallcraft.records import Measurement, Predictions


@dataclass(frozen=True)
class Accuracy:
    """Accuracy with an exact interval; clustered rows count by their effective number."""

    name: str = "accuracy"
    higher_is_better: bool = True

    def measure(self, predictions: Predictions, *, confidence: float, seed: int) -> Measurement:  # noqa: ARG002
        """Point and interval over all rows; the seed is not needed."""
        right = predictions.truth == predictions.predicted
        return measure_hits(self.name, right, predictions.clusters, confidence=confidence)
