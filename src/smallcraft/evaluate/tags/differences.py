"""The difference between two candidates that give several labels a row, for each metric that may decide.

Positive means the first is better. Shares of rows by Tango's interval, F1 by the infinitesimal jackknife of
the difference, losses by Student t; all on the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from smallcraft.evaluate.tags.scores import counts_of, tag_log_losses
from smallcraft.records import Interval, TagPredictions
from smallcraft.stats.cells import count_cells
from smallcraft.stats.comparisons import Difference, paired_accuracy_difference
from smallcraft.stats.intervals import mean_interval
from smallcraft.stats.tag_metrics import TagMetric, f1_difference, macro_f1, micro_f1

_Difference = Callable[[TagPredictions, TagPredictions, float, int], Difference]


def tag_difference(
    first: TagPredictions, other: TagPredictions, *, metric: str, level: float, seed: int
) -> Difference:
    """How much better the first is, with a two-sided interval.

    Args:
        first: At least one row.
        other: The same rows.
        metric: One of `DIFFERENCES`.
        level: Coverage.
        seed: For the interval that is drawn (of clustered shares).
    """
    return DIFFERENCES[metric](first, other, level, seed)


def _of_f1(metric: TagMetric) -> _Difference:
    def difference(first: TagPredictions, other: TagPredictions, level: float, seed: int) -> Difference:  # noqa: ARG001
        sides = (counts_of(first), counts_of(other))
        return f1_difference(*sides, metric, level=level, clusters=first.clusters)

    return difference


def _of_exact_rows(first: TagPredictions, other: TagPredictions, level: float, seed: int) -> Difference:
    won, lost = ((~counts_of(side).has_error).astype(np.int64) for side in (first, other))
    cells = count_cells(np.ones_like(won), won, 2, lost, clusters=first.clusters)
    return paired_accuracy_difference(cells, level=level, rng=np.random.default_rng(seed))


def _of_losses(losses: Callable[[TagPredictions], NDArray[np.float64]]) -> _Difference:
    def difference(first: TagPredictions, other: TagPredictions, level: float, seed: int) -> Difference:  # noqa: ARG001
        gained = losses(other) - losses(first)
        interval = mean_interval(gained, level=level, clusters=first.clusters)
        return Difference(float(gained.mean()), interval or Interval(-np.inf, np.inf))

    return difference


def _share_wrong(predictions: TagPredictions) -> NDArray[np.float64]:
    return np.asarray((predictions.truth != predictions.predicted).mean(axis=1), dtype=np.float64)


DIFFERENCES: Mapping[str, _Difference] = {
    "micro_f1": _of_f1(micro_f1),
    "macro_f1": _of_f1(macro_f1),
    "subset_accuracy": _of_exact_rows,
    "hamming_loss": _of_losses(_share_wrong),
    "log_loss": _of_losses(tag_log_losses),
}
