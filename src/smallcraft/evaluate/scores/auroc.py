"""Area under the ROC curve for two classes; the second class in `classes` is the positive one."""

from __future__ import annotations

from dataclasses import dataclass

from smallcraft.records import Measurement, Predictions
from smallcraft.stats.auroc import roc_area, roc_area_interval


@dataclass(frozen=True)
class Auroc:
    """AUROC with DeLong's interval; None for any number of classes but two."""

    name: str = "auroc"
    higher_is_better: bool = True

    def measure(self, predictions: Predictions, *, confidence: float, seed: int) -> Measurement:  # noqa: ARG002
        """Point and interval over the rows of the two classes; the seed is not needed."""
        known = predictions.truth >= 0
        truth, n = predictions.truth[known], int(known.sum())
        if len(predictions.classes) != 2:
            return self._unmeasured(n, f"AUROC is for two classes, there are {len(predictions.classes)}")
        if n == 0 or truth.min() == truth.max():
            return self._unmeasured(n, "AUROC needs rows of both classes, there are rows of one only")
        area = roc_area(truth == 1, predictions.probs[known, 1])
        clusters = None if predictions.clusters is None else predictions.clusters[known]
        interval = roc_area_interval(area, level=confidence, clusters=clusters)
        return Measurement(
            name=self.name,
            value=area.value,
            unit="fraction",
            n=n,
            method=f"DeLong on the logit scale {confidence:.0%}",
            low=interval.low,
            high=interval.high,
            detail=f"positive class: {predictions.classes[1]}",
        )

    def _unmeasured(self, n: int, why: str) -> Measurement:
        return Measurement(self.name, None, "fraction", n, method="DeLong", detail=why)
