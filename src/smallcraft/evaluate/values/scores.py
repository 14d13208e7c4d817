"""The scores of numbers, by name.

Always: a score gives value, interval, n and method over all rows, or None with the reason; errors are in the
target's own unit.
Left to others: slices (`evaluate.values.run`), the numbers themselves (`stats.value_metrics`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from smallcraft.evaluate.measuring.estimates import FRACTION, measure_hits
from smallcraft.evaluate.measuring.losses import measure_losses
from smallcraft.records import Measurement, ValuePredictions
from smallcraft.stats.comparisons import Difference
from smallcraft.stats.value_metrics import METRICS, value_difference, value_interval, value_of

UNIT = "of the target"


@dataclass(frozen=True)
class ValueScore:
    """One score.

    Attributes:
        measure: From predictions and the interval's coverage.
        higher_is_better: Direction.
    """

    measure: Callable[[ValuePredictions, float], Measurement]
    higher_is_better: bool = False


def value_score_difference(
    first: ValuePredictions,
    other: ValuePredictions,
    *,
    metric: str,
    level: float,
    seed: int,  # noqa: ARG001 - nothing is drawn; every task is compared by one call
) -> Difference:
    """How much better the first is, as a share of the error of always answering the mean of these rows.

    Args:
        first: At least one row.
        other: The same rows.
        metric: `mae`, `rmse` or `r2`.
        level: Coverage.
        seed: Not needed.
    """
    return value_difference(
        metric, first.truth, first.predicted, other.predicted, level=level, clusters=first.clusters
    )


def _error(name: str, unit: str) -> Callable[[ValuePredictions, float], Measurement]:
    def measure(predictions: ValuePredictions, confidence: float) -> Measurement:
        truth, clustered = predictions.truth, "" if predictions.clusters is None else ", clustered"
        base = Measurement(name, None, unit, len(truth), f"Student t {confidence:.0%}{clustered}")
        if name == "r2" and (truth == truth[0]).all():
            return dataclasses.replace(base, detail="every row has the same value; nothing varies to explain")
        value = value_of(name, truth, predictions.predicted)
        bounds = value_interval(
            name, truth, predictions.predicted, level=confidence, clusters=predictions.clusters
        )
        if bounds is None:
            return dataclasses.replace(
                base, value=value, detail="no interval: fewer than two independent rows"
            )
        return dataclasses.replace(base, value=value, low=bounds.low, high=bounds.high, level=confidence)

    return measure


def _coverage(predictions: ValuePredictions, confidence: float) -> Measurement:
    if predictions.low is None or predictions.high is None:
        return _without_intervals("interval_coverage", FRACTION)
    held = (predictions.low <= predictions.truth) & (predictions.truth <= predictions.high)
    found = measure_hits("interval_coverage", held, predictions.clusters, confidence=confidence)
    promised = "" if predictions.coverage is None else f"promised: {predictions.coverage:.0%}"
    return dataclasses.replace(found, detail=promised)


def _width(predictions: ValuePredictions, confidence: float) -> Measurement:
    if predictions.low is None or predictions.high is None:
        return _without_intervals("interval_width", UNIT)
    widths = np.asarray(predictions.high - predictions.low, dtype=np.float64)
    return measure_losses("interval_width", UNIT, widths, predictions.clusters, confidence=confidence)


def _without_intervals(name: str, unit: str) -> Measurement:
    return Measurement(name, None, unit, 0, "", detail="not measured: the candidate gives no intervals")


SCORES: Mapping[str, ValueScore] = {
    "mae": ValueScore(_error("mae", UNIT)),
    "rmse": ValueScore(_error("rmse", UNIT)),
    "r2": ValueScore(_error("r2", FRACTION), higher_is_better=True),
    "interval_coverage": ValueScore(_coverage, higher_is_better=True),
    "interval_width": ValueScore(_width),
}
DECIDING = tuple(METRICS)
