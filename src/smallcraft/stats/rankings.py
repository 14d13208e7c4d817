"""Rows put in the order of a score, with equal scores kept together: what curves over thresholds come from.

Always: equal scores are one group, so nothing depends on how a tie is broken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Ranking:
    """Groups of rows with equal scores, lowest first.

    Attributes:
        order: `(n,)` int64 rows, lowest score first.
        group: `(n,)` int64 group of each row in that order.
        is_positive: `(n,)` bool in that order.
        positives: `(g,)` float64 positive rows of each group.
        rows: `(g,)` float64 rows of each group.
    """

    order: NDArray[np.int64]
    group: NDArray[np.int64]
    is_positive: NDArray[np.bool_]
    positives: NDArray[np.float64]
    rows: NDArray[np.float64]

    def spread(
        self, of_positive: NDArray[np.float64], of_negative: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Values of groups `(g,)`, for their positive and negative rows, as one of each row `(n,)`."""
        sorted_values = np.where(self.is_positive, of_positive[self.group], of_negative[self.group])
        values = np.empty_like(sorted_values)
        values[self.order] = sorted_values
        return values


def rank_rows(is_positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> Ranking:
    """Sort rows by score, in O(n log n).

    Args:
        is_positive: `(n,)` bool, n at least 1.
        scores: `(n,)` float64, higher means more likely positive.

    >>> ranking = rank_rows(np.array([False, True, True]), np.array([0.1, 0.9, 0.1]))
    >>> ranking.positives.tolist(), ranking.rows.tolist()
    ([1.0, 1.0], [2.0, 1.0])
    """
    order = np.argsort(scores)
    values, positive = scores[order], is_positive[order]
    is_first = np.concatenate([[True], values[1:] != values[:-1]])
    starts = np.flatnonzero(is_first)
    rows = np.diff(np.append(starts, len(scores))).astype(np.float64)
    below = np.concatenate([[0], np.cumsum(positive)])
    positives = np.diff(below[np.append(starts, len(scores))]).astype(np.float64)
    return Ranking(order, np.cumsum(is_first) - 1, positive, positives, rows)
