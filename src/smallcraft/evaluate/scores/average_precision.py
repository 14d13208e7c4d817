"""Average precision; with more than two classes the mean of each class against the rest."""

from __future__ import annotations

from dataclasses import dataclass

from smallcraft.evaluate.measuring.curves import curve_measurement, known_rows, precision_of
from smallcraft.records import Measurement, Predictions
from smallcraft.stats.average_precision import average_precision_interval


@dataclass(frozen=True)
class AveragePrecisionScore:
    """Average precision with an infinitesimal-jackknife interval; None without rows of two classes."""

    name: str = "average_precision"
    higher_is_better: bool = True

    def measure(self, predictions: Predictions, *, confidence: float, seed: int) -> Measurement:  # noqa: ARG002
        """Point and interval over the rows of known classes; the seed is not needed."""
        rows = known_rows(predictions)
        if rows.lacks:
            return Measurement(self.name, None, "fraction", len(rows.truth), "jackknife", detail=rows.lacks)
        found = precision_of(rows)
        interval = average_precision_interval(found, level=confidence, clusters=rows.clusters)
        method = "infinitesimal jackknife on the logit scale"
        return curve_measurement(self.name, rows, found.value, interval, confidence=confidence, method=method)
