"""What the scores over thresholds (AUROC, average precision) are about: which rows, which columns.

With two classes the second one is positive; with more, each class against the rest, averaged over the classes
that occur. Rows whose label is none of the classes take no part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.records import Interval, Measurement, Predictions
from smallcraft.stats.auroc import RocArea, macro_roc_area, roc_area
from smallcraft.stats.average_precision import (
    AveragePrecision,
    average_precision,
    macro_average_precision,
)


@dataclass(frozen=True)
class KnownRows:
    """The rows of a known class.

    Attributes:
        truth: `(n,)` int64 codes of at least 0.
        probs: `(n, k)` float64.
        clusters: `(n,)` int64; None when every row stands alone.
        classes: The `k` names.
    """

    truth: NDArray[np.int64]
    probs: NDArray[np.float64]
    clusters: NDArray[np.int64] | None
    classes: tuple[str, ...]

    @property
    def lacks(self) -> str:
        """Why there is no curve; empty when there is one."""
        if len(self.classes) < 2:
            return f"a score over thresholds needs two classes, there are {len(self.classes)}"
        if len(self.truth) == 0 or self.truth.min() == self.truth.max():
            return "a score over thresholds needs rows of two classes, there are rows of one only"
        return ""

    @property
    def about(self) -> str:
        """What is positive, in words."""
        if len(self.classes) == 2:
            return f"positive class: {self.classes[1]}"
        present = len(np.unique(self.truth))
        return f"each class against the rest, mean over the {present} that occur"


def known_rows(predictions: Predictions) -> KnownRows:
    """Leave out the rows whose label is none of the classes."""
    known = predictions.truth >= 0
    if known.all():
        return KnownRows(predictions.truth, predictions.probs, predictions.clusters, predictions.classes)
    clusters = None if predictions.clusters is None else predictions.clusters[known]
    return KnownRows(predictions.truth[known], predictions.probs[known], clusters, predictions.classes)


def area_of(rows: KnownRows) -> RocArea:
    """Area under the ROC curve.

    Raises:
        InvalidInputError: There is no curve.
    """
    _require_curve(rows, "auroc")
    if len(rows.classes) == 2:
        return roc_area(rows.truth == 1, rows.probs[:, 1])
    return macro_roc_area(rows.truth, rows.probs)


def precision_of(rows: KnownRows) -> AveragePrecision:
    """Average precision.

    Raises:
        InvalidInputError: There is no curve.
    """
    _require_curve(rows, "average_precision")
    if len(rows.classes) == 2:
        return average_precision(rows.truth == 1, rows.probs[:, 1])
    return macro_average_precision(rows.truth, rows.probs)


def curve_measurement(
    name: str, rows: KnownRows, value: float, interval: Interval, *, confidence: float, method: str
) -> Measurement:
    """The measurement of a score over thresholds."""
    return Measurement(
        name=name,
        value=value,
        unit="fraction",
        n=len(rows.truth),
        method=f"{method} {confidence:.0%}",
        low=interval.low,
        high=interval.high,
        detail=rows.about,
        level=confidence,
    )


def _require_curve(rows: KnownRows, name: str) -> None:
    if rows.lacks:
        raise InvalidInputError(f"metric '{name}' does not apply: {rows.lacks}; declare another metric")
