"""Count metrics of classification, from right, true and predicted rows of each class; whole arrays at once.

Every function takes counts of shape `(..., k)`, one table or many (bootstrap draws, slices), and gives
`(...)`, those of single classes `(..., k)`.
Always: equal to scikit-learn with `zero_division=0` over the classes that occur in truth or prediction; rows
whose label is none of the classes are wrong and count against the class that was predicted, and are not
themselves averaged over. A metric of one class that nothing speaks of is NaN; a coefficient without spread
(Matthews, kappa) is 0.
Left to others: counting (`stats.cells`), intervals (`stats.cell_bootstrap`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# So that nothing of nothing is 0; no count above 0 is as small.
_TINY = 1e-300


@dataclass(frozen=True)
class ClassCounts:
    """Right, true and predicted rows of each class; arrays `(..., k)` of at least 0."""

    right: Floats
    true: Floats
    called: Floats

    @property
    def n(self) -> Floats:
        """All rows `(...)`; each is predicted as one class, but may be truly of none."""
        return np.asarray(self.called.sum(axis=-1))


CountMetric = Callable[[ClassCounts], Floats]


def accuracy(found: ClassCounts) -> Floats:
    """Share of rows whose prediction is the truth."""
    return np.asarray(found.right.sum(axis=-1) / np.maximum(found.n, _TINY))


def balanced_accuracy(found: ClassCounts) -> Floats:
    """Mean recall of the classes that occur in the truth; 0 where none does.

    >>> float(balanced_accuracy(ClassCounts(np.array([3.0, 1]), np.array([4.0, 1]), np.array([3.0, 2]))))
    0.875
    """
    return _mean(_share(found.right, found.true), found.true > 0)


def macro_precision(found: ClassCounts) -> Floats:
    """Mean precision of the classes that occur; one never predicted counts 0."""
    return _mean(_share(found.right, found.called), _occurs(found))


def macro_recall(found: ClassCounts) -> Floats:
    """Mean recall of the classes that occur in truth or prediction; one without rows counts 0."""
    return _mean(_share(found.right, found.true), _occurs(found))


def macro_f1(found: ClassCounts) -> Floats:
    """Mean F1 of the classes that occur in truth or prediction; a class never right has 0."""
    both = found.true + found.called
    return _mean(_share(2 * found.right, both), both > 0)


def weighted_f1(found: ClassCounts) -> Floats:
    """Mean F1 of the classes weighted by their true rows."""
    scores = _share(2 * found.right, found.true + found.called)
    return np.asarray(_dot(scores, found.true) / np.maximum(found.true.sum(axis=-1), _TINY))


def micro_f1(found: ClassCounts) -> Floats:
    """F1 of all decisions together; equals accuracy where every label is a class."""
    both = found.true.sum(axis=-1) + found.n
    return np.asarray(2 * found.right.sum(axis=-1) / np.maximum(both, _TINY))


def matthews(found: ClassCounts) -> Floats:
    """Matthews correlation (R_K for more than two classes); 0 where truth or prediction is constant.

    Source:
        Gorodkin (2004), Computational Biology and Chemistry 28:367-374.

    >>> counts = ClassCounts(np.array([1.0, 2]), np.array([2.0, 2]), np.array([1.0, 3]))
    >>> round(float(matthews(counts)), 4)
    0.5774
    """
    n, unknown = found.n, found.n - found.true.sum(axis=-1)
    covariance = found.right.sum(axis=-1) * n - _dot(found.true, found.called)
    of_true = n * n - _dot(found.true, found.true) - unknown**2
    of_called = n * n - _dot(found.called, found.called)
    spread = np.sqrt(np.maximum(of_true, 0.0)) * np.sqrt(np.maximum(of_called, 0.0))
    ratio = np.divide(covariance, spread, out=np.zeros_like(spread), where=spread > 0)
    # Two roots rounded apart can bring full agreement just above 1.
    return np.asarray(np.clip(ratio, -1.0, 1.0))


def kappa(found: ClassCounts) -> Floats:
    """Cohen's kappa: agreement of truth and prediction beyond chance; 0 where chance alone agrees fully.

    Source:
        Cohen (1960), Educational and Psychological Measurement 20:37-46.

    >>> counts = ClassCounts(np.array([1.0, 2]), np.array([2.0, 2]), np.array([1.0, 3]))
    >>> float(kappa(counts))
    0.5
    """
    n = found.n
    chance = _dot(found.true, found.called)
    room = n * n - chance
    gained = found.right.sum(axis=-1) * n - chance
    return np.asarray(np.divide(gained, room, out=np.zeros_like(room), where=room > 0))


COUNT_METRICS: Mapping[str, CountMetric] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "macro_f1": macro_f1,
    "weighted_f1": weighted_f1,
    "micro_f1": micro_f1,
    "macro_precision": macro_precision,
    "macro_recall": macro_recall,
    "matthews": matthews,
    "kappa": kappa,
}


def precisions(found: ClassCounts) -> Floats:
    """Of the rows called each class, the share that is."""
    return _share_or_nan(found.right, found.called)


def recalls(found: ClassCounts) -> Floats:
    """Of the rows of each class, the share that was called so (sensitivity, true positive rate)."""
    return _share_or_nan(found.right, found.true)


def f1_scores(found: ClassCounts) -> Floats:
    """F1 of each class."""
    return _share_or_nan(2 * found.right, found.true + found.called)


def false_positive_rates(found: ClassCounts) -> Floats:
    """Of the rows that are not of each class, the share that was called so all the same."""
    return _share_or_nan(found.called - found.right, found.n[..., None] - found.true)


def specificities(found: ClassCounts) -> Floats:
    """Of the rows that are not of each class, the share that was not called so (true negative rate)."""
    return 1 - false_positive_rates(found)


def selection_rates(found: ClassCounts) -> Floats:
    """Of all rows, the share that was called each class."""
    return _share_or_nan(found.called, np.broadcast_to(found.n[..., None], found.called.shape))


def counts_after(found: ClassCounts, errors: float) -> ClassCounts:
    """The counts of one table after a share of its rows turned from right to wrong (negative: the reverse).

    Right rows go wrong in proportion to the right rows of each class, to predictions spread as those of the
    other classes are; wrong rows of known classes come right in proportion.

    Args:
        found: One table, `(k,)`.
        errors: As a share of all rows, in [-1, 1].
    """
    n = float(found.n)
    if errors >= 0:
        pool = found.right
        lost = pool * min(1.0, errors * n / pool.sum()) if pool.sum() else np.zeros_like(pool)
        called = found.called - lost + lost.sum() * found.called / found.called.sum()
        return ClassCounts(found.right - lost, found.true, called)
    pool = found.true - found.right
    won = pool * min(1.0, -errors * n / pool.sum()) if pool.sum() else np.zeros_like(pool)
    astray = found.called - found.right
    taken = astray * (won.sum() / astray.sum()) if astray.sum() else astray
    return ClassCounts(found.right + won, found.true, found.called + won - taken)


def _occurs(found: ClassCounts) -> NDArray[np.bool_]:
    return np.asarray(found.true + found.called > 0)


def _share(part: Floats, whole: Floats) -> Floats:
    return part / np.maximum(whole, _TINY)


def _share_or_nan(part: Floats, whole: Floats) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0))


def _mean(scores: Floats, counts: NDArray[np.bool_]) -> Floats:
    """Mean over the classes that count; the scores of the others are 0."""
    return np.asarray(scores.sum(axis=-1) / np.maximum(np.count_nonzero(counts, axis=-1), 1))


def _dot(first: Floats, second: Floats) -> Floats:
    return np.asarray(np.einsum("...k,...k->...", first, second))
