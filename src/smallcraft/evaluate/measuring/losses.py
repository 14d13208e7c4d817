"""The measurement of a mean loss over rows; what the scores that are such means share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smallcraft.records import Measurement
from smallcraft.stats.intervals import mean_interval


def measure_losses(
    name: str,
    unit: str,
    losses: NDArray[np.float64],
    clusters: NDArray[np.int64] | None,
    *,
    confidence: float,
) -> Measurement:
    """Mean of non-negative losses with its Student-t interval, cut at 0."""
    interval = mean_interval(losses, level=confidence, clusters=clusters)
    clustered = "" if clusters is None else ", clustered"
    return Measurement(
        name=name,
        value=float(np.mean(losses)),
        unit=unit,
        n=len(losses),
        method=f"Student t {confidence:.0%}{clustered}",
        low=None if interval is None else max(0.0, interval.low),
        high=None if interval is None else interval.high,
        level=None if interval is None else confidence,
        detail="" if interval is not None else "no interval: fewer than two independent rows",
    )
