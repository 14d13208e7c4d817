"""Share of rows whose truth is among the three most probable classes."""

from __future__ import annotations

from dataclasses import dataclass

from smallcraft.evaluate.measuring.estimates import measure_hits
from smallcraft.records import Measurement, Predictions
from smallcraft.stats.top_classes import is_among_top

TOP = 3


@dataclass(frozen=True)
class Top3Accuracy:
    """Top-3 accuracy with an exact interval; None where there are no more than three classes."""

    name: str = "top_3_accuracy"
    higher_is_better: bool = True

    def measure(self, predictions: Predictions, *, confidence: float, seed: int) -> Measurement:  # noqa: ARG002
        """Point and interval over all rows; the seed is not needed."""
        if len(predictions.classes) <= TOP:
            why = f"one of {TOP} is always right where there are {len(predictions.classes)} classes"
            return Measurement(self.name, None, "fraction", len(predictions.truth), "none", detail=why)
        hits = is_among_top(predictions.truth, predictions.probs, TOP)
        return measure_hits(self.name, hits, predictions.clusters, confidence=confidence)
