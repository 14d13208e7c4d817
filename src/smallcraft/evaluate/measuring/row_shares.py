"""The measurement of a share of rows; what accuracy, top-3 accuracy and slices have in common.

Always: it carries the hits and trials that its exact bounds come from, so that a gate finds the bounds at any
confidence; rows that share a cluster count by what they are worth.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smallcraft.records import Measurement
from smallcraft.stats.intervals import clopper_pearson_interval, effective_rows


def measure_share(
    name: str,
    hits: NDArray[np.bool_],
    clusters: NDArray[np.int64] | None = None,
    *,
    confidence: float,
    empty: str = "no rows in this slice",
) -> Measurement:
    """Share of the rows that hit, with its Clopper-Pearson interval.

    Args:
        name: Of the measurement.
        hits: `(n,)` bool.
        clusters: `(n,)` int64, equal for rows that belong together; None when each stands alone.
        confidence: Coverage of the interval.
        empty: The reason given where there are no rows.
    """
    method = share_method(confidence, is_clustered=clusters is not None)
    if len(hits) == 0:
        return Measurement(name, None, "fraction", 0, method, detail=empty)
    rows, count = len(hits), int(hits.sum())
    trials = float(rows) if clusters is None else effective_rows(hits, clusters, level=confidence)
    counted = count * trials / rows
    interval = clopper_pearson_interval(counted, trials, level=confidence)
    return Measurement(
        name=name,
        value=count / rows,
        unit="fraction",
        n=rows,
        method=method,
        low=interval.low,
        high=interval.high,
        level=confidence,
        hits=counted,
        trials=trials,
    )


def share_method(confidence: float, *, is_clustered: bool) -> str:
    """How the interval of a share is made, in words."""
    return f"Clopper-Pearson {confidence:.0%}" + (", Korn-Graubard effective rows" if is_clustered else "")
