"""A plain model on what no model should need: row number, length, time; what it gets right is no knowledge.

Always: a row is judged by a model that saw neither it nor a row of its key; the majority that it is set
against is learned from the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.records import Interval
from smallcraft.stats.comparisons import paired_share_interval
from smallcraft.stats.intervals import effective_rows

_FOLDS = 5
_TREES = 30
_LEAST_LEAF = 5


@dataclass(frozen=True)
class Judged:
    """Rows that the metadata model and the majority got right, out of fold: `(n,)` bool each."""

    right: NDArray[np.bool_]
    majority: NDArray[np.bool_]

    @property
    def gain(self) -> float:
        """Accuracy beyond the majority's."""
        return float(self.right.mean() - self.majority.mean())


def judge_by_metadata(
    columns: Mapping[str, NDArray[np.float64]],
    truth: NDArray[np.int64],
    *,
    clusters: NDArray[np.int64] | None = None,
    seed: int,
) -> Judged:
    """Cross-validate a small forest and the majority.

    Args:
        columns: `(n,)` numbers by name, NaN where missing; at least one column.
        truth: `(n,)` codes, at least as many rows as folds.
        clusters: `(n,)` int64, equal for rows that belong together.
        seed: Deals the folds and grows the trees.
    """
    from sklearn.ensemble import RandomForestClassifier  # half a second that no other audit needs

    values = np.column_stack([np.asarray(column, dtype=np.float64) for column in columns.values()])
    folds = _deal_folds(len(truth), clusters, np.random.default_rng([seed, 6]))
    right, majority = np.zeros(len(truth), bool), np.zeros(len(truth), bool)
    for fold in np.unique(folds):
        held = folds == fold
        forest = RandomForestClassifier(_TREES, min_samples_leaf=_LEAST_LEAF, random_state=seed, n_jobs=1)
        forest.fit(values[~held], truth[~held])
        right[held] = forest.predict(values[held]) == truth[held]
        majority[held] = np.argmax(np.bincount(truth[~held])) == truth[held]
    return Judged(right, majority)


def gain_interval(judged: Judged, clusters: NDArray[np.int64] | None, *, level: float) -> Interval:
    """Of the difference of the two accuracies; rows of one key count as less than a row each."""
    won, lost = judged.right & ~judged.majority, judged.majority & ~judged.right
    n = len(won)
    rows = float(n)
    if clusters is not None:
        rows = min(effective_rows(found, clusters, level=level) for found in (won, lost))
    return paired_share_interval(int(won.sum()) * rows / n, int(lost.sum()) * rows / n, rows, level=level)


def _deal_folds(n: int, clusters: NDArray[np.int64] | None, rng: np.random.Generator) -> NDArray[np.int64]:
    groups = np.arange(n) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    dealt = rng.permutation(int(groups.max()) + 1) % _FOLDS
    folds: NDArray[np.int64] = dealt[groups]
    return folds
