"""Area under the ROC curve; with more than two classes the mean of each class against the rest."""

from __future__ import annotations

from dataclasses import dataclass

from smallcraft.evaluate.measuring.curves import area_of, curve_measurement, known_rows
from smallcraft.records import Measurement, Predictions
from smallcraft.stats.auroc import roc_area_interval


@dataclass(frozen=True)
class Auroc:
    """AUROC with DeLong's interval; None without rows of two classes."""

    name: str = "auroc"
    higher_is_better: bool = True

    def measure(self, predictions: Predictions, *, confidence: float, seed: int) -> Measurement:  # noqa: ARG002
        """Point and interval over the rows of known classes; the seed is not needed."""
        rows = known_rows(predictions)
        if rows.lacks:
            return Measurement(self.name, None, "fraction", len(rows.truth), "DeLong", detail=rows.lacks)
        area = area_of(rows)
        interval = roc_area_interval(area, level=confidence, clusters=rows.clusters)
        method = "DeLong on the logit scale"
        return curve_measurement(self.name, rows, area.value, interval, confidence=confidence, method=method)
