"""Mean F1 of the classes that occur in truth or prediction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smallcraft.records import Measurement, Predictions
from smallcraft.stats.cells import count_cells, macro_f1, macro_f1_interval

REPLICATES = 1000


@dataclass(frozen=True)
class MacroF1:
    """Macro-F1 with a bootstrap over cells, or over clusters where rows share one."""

    name: str = "macro_f1"
    higher_is_better: bool = True

    def measure(self, predictions: Predictions, *, confidence: float, seed: int) -> Measurement:
        """Point and interval over all rows."""
        cells = count_cells(
            predictions.truth,
            predictions.predicted,
            len(predictions.classes),
            clusters=predictions.clusters,
        )
        rng = np.random.default_rng(seed)
        interval = macro_f1_interval(cells, level=confidence, rng=rng, replicates=REPLICATES)
        drawn = "rows" if predictions.clusters is None else "clusters"
        return Measurement(
            name=self.name,
            value=macro_f1(cells),
            unit="fraction",
            n=cells.n,
            method=f"bootstrap of {drawn} (percentile and BCa, {REPLICATES} draws) {confidence:.0%}",
            low=interval.low,
            high=interval.high,
        )
