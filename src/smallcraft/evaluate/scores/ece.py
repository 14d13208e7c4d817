"""Expected calibration error of the predicted class's probability, 15 bins of equal numbers of rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smallcraft.records import Measurement, Predictions
from smallcraft.stats.calibration import ECE_BINS, expected_calibration_error


@dataclass(frozen=True)
class Ece:
    """ECE with a conservative interval; read it beside Brier and log-loss."""

    name: str = "ece"
    higher_is_better: bool = False

    def measure(self, predictions: Predictions, *, confidence: float, seed: int) -> Measurement:
        """Point and interval over all rows."""
        error = expected_calibration_error(
            predictions.probs.max(axis=1),
            predictions.truth == predictions.predicted,
            level=confidence,
            rng=np.random.default_rng(seed),
            clusters=predictions.clusters,
        )
        return Measurement(
            name=self.name,
            value=error.value,
            unit="fraction",
            n=len(predictions.truth),
            method=f"{ECE_BINS} equal-mass bins, noise of the bins {confidence:.0%}",
            low=error.interval.low,
            high=error.interval.high,
            level=confidence,
        )
