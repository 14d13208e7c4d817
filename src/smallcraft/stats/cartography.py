"""Where a row lies on the map of training: how sure of its label a model was and how steadily, by epoch.

Makes coordinates of training logs; making the logs belongs to whoever trains.
Always: a row that was not watched (NaN in its column) has NaN coordinates and counts nowhere; an epoch in
which another label ties with the given one is not counted as correct.
Source: Swayamdipta et al. (2020), Dataset Cartography, EMNLP, section 2; Pleiss et al. (2020), Identifying
Mislabeled Data using the Area Under the Margin Ranking, NeurIPS 33, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError


@dataclass(frozen=True)
class TrainingMap:
    """Coordinates of each row; NaN for a row that was not watched.

    Attributes:
        confidence: `(n,)` float64 mean over epochs of the probability of the given label.
        variability: `(n,)` float64 standard deviation of it over epochs (divided by their number).
        correctness: `(n,)` float64 share of epochs in which the given label was first; None without margins.
        area: `(n,)` float64 area under the margin: mean over epochs of the given label's logit less the
            highest other one; None without margins.
    """

    confidence: NDArray[np.float64]
    variability: NDArray[np.float64]
    correctness: NDArray[np.float64] | None = None
    area: NDArray[np.float64] | None = None


def map_training(
    history: NDArray[np.floating], *, margins: NDArray[np.floating] | None = None
) -> TrainingMap:
    """Coordinates from what was seen after each epoch.

    Args:
        history: `(epochs, n)` probability of the given label, in [0, 1]; NaN for rows not watched.
        margins: `(epochs, n)` logit of the given label less the highest other one. Without them neither
            correctness nor the area can be told (a label may be first with less than one half).

    Raises:
        InvalidInputError: Fewer than two epochs, shapes that differ, a value that is no probability.

    >>> found = map_training(np.array([[0.2], [0.6]]), margins=np.array([[-1.0], [2.0]]))
    >>> found.confidence.round(2).tolist(), found.variability.round(2).tolist()
    ([0.4], [0.2])
    >>> found.correctness.tolist(), found.area.tolist()
    ([0.5], [0.5])
    """
    _check_logs(history, margins)
    confidence = history.mean(axis=0, dtype=np.float64)
    variability = history.std(axis=0, dtype=np.float64)
    if margins is None:
        return TrainingMap(confidence, variability)
    area = margins.mean(axis=0, dtype=np.float64)
    correctness = np.where(np.isnan(area), np.nan, (margins > 0).mean(axis=0, dtype=np.float64))
    return TrainingMap(confidence, variability, correctness, area)


def _check_logs(history: NDArray[np.floating], margins: NDArray[np.floating] | None) -> None:
    if history.ndim != 2 or len(history) < 2:
        raise InvalidInputError(
            f"a training history is (epochs, rows) with at least two epochs, got shape {history.shape}; "
            "log the probability of each row's label after every epoch"
        )
    if margins is not None and margins.shape != history.shape:
        raise InvalidInputError(
            f"margins must have the shape of the history, {history.shape}, got {margins.shape}; "
            "log both after the same epochs"
        )
    low, high = (history.min(), history.max()) if history.size else (0.0, 1.0)
    if np.isnan(low):
        low, high = (np.nanmin(history), np.nanmax(history)) if not np.isnan(history).all() else (0.0, 1.0)
    if low < 0 or high > 1:
        raise InvalidInputError(
            f"a training history holds probabilities in [0, 1], got {low:g} to {high:g}; "
            "pass logits as `margins`, not as the history"
        )
