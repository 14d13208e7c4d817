"""Share of rows whose most probable class is the truth."""

from __future__ import annotations

from dataclasses import dataclass

from smallcraft.records import Measurement, Predictions
from smallcraft.stats.intervals import share_interval


@dataclass(frozen=True)
class Accuracy:
    """Accuracy with an exact interval; clustered rows count by their effective number."""

    name: str = "accuracy"
    higher_is_better: bool = True

    def measure(self, predictions: Predictions, *, confidence: float, seed: int) -> Measurement:  # noqa: ARG002
        """Point and interval over all rows; the seed is not needed."""
        right = predictions.truth == predictions.predicted
        interval = share_interval(right, level=confidence, clusters=predictions.clusters)
        adjusted = "" if predictions.clusters is None else ", Korn-Graubard effective rows"
        return Measurement(
            name=self.name,
            value=float(right.mean()),
            unit="fraction",
            n=len(right),
            method=f"Clopper-Pearson {confidence:.0%}{adjusted}",
            low=interval.low,
            high=interval.high,
        )
