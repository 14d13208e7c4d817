"""Scores that follow from how often each truth meets each prediction; all of them share one bootstrap.

Always: measured together or alone, a score is the same for the same seed.
Left to others: the metrics (`stats.class_metrics`) and their intervals (`stats.cell_bootstrap`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smallcraft.records import Interval, Measurement, Predictions
from smallcraft.stats.cell_bootstrap import metric_intervals
from smallcraft.stats.cells import Cells, class_counts, count_cells
from smallcraft.stats.class_metrics import COUNT_METRICS, ClassCounts

REPLICATES = 1000


@dataclass(frozen=True)
class CountedScore:
    """A score by a metric of `COUNT_METRICS`, with a bootstrap over cells (clusters where rows share one)."""

    name: str
    higher_is_better: bool = True

    def measure(self, predictions: Predictions, *, confidence: float, seed: int) -> Measurement:
        """Point and interval over all rows."""
        return measure_counted((self.name,), predictions, confidence=confidence, seed=seed)[0]


def measure_counted(
    names: Sequence[str], predictions: Predictions, *, confidence: float, seed: int
) -> tuple[Measurement, ...]:
    """Some counted scores over all rows, from one draw.

    Args:
        names: Of `COUNT_METRICS`.
        predictions: At least one row.
        confidence: Coverage of each interval.
        seed: Of the draw.
    """
    if not names:
        return ()
    cells = count_predictions(predictions)
    found = class_counts(cells)
    intervals = metric_intervals(
        cells,
        [COUNT_METRICS[name] for name in names],
        level=confidence,
        rng=np.random.default_rng(seed),
        replicates=REPLICATES,
    )
    method = bootstrap_method(confidence, REPLICATES, is_clustered=cells.clusters is not None)
    return tuple(
        counted_measurement(name, found, interval, confidence=confidence, method=method)
        for name, interval in zip(names, intervals, strict=True)
    )


def counted_measurement(
    name: str, found: ClassCounts, interval: Interval, *, confidence: float, method: str
) -> Measurement:
    """One counted score of one table; without a value where it is not defined."""
    rows = round(float(found.n))
    if name == "kappa" and np.any((found.true == rows) & (found.called == rows)):
        why = "every row is of one class and is called so; agreement beyond chance is not defined"
        return Measurement(name, None, "fraction", rows, method, detail=why)
    return Measurement(
        name=name,
        value=float(COUNT_METRICS[name](found)),
        unit="fraction",
        n=rows,
        method=method,
        low=interval.low,
        high=interval.high,
        level=confidence,
    )


def count_predictions(predictions: Predictions) -> Cells:
    """The cells of one candidate's answers."""
    return count_cells(
        predictions.truth, predictions.predicted, len(predictions.classes), clusters=predictions.clusters
    )


def bootstrap_method(confidence: float, replicates: int, *, is_clustered: bool) -> str:
    """How the interval of a counted score is made, in words."""
    drawn = "clusters" if is_clustered else "rows"
    return f"bootstrap of {drawn} (percentile and BCa, {replicates} draws) {confidence:.0%}"
