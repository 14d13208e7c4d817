"""How often each class occurs in rows without labels, from what a model answers there (BBSE).

Assumption: within a class the inputs are what they were; only how often each class occurs has changed. Then
the answers are a known mixture, and the shares of the classes follow from the confusion matrix.
Always: shares are at least 0 and add up to 1; the condition number says by how much errors are magnified.
Left to others: whether the assumption holds (an input that moved within a class breaks it).
Source: Lipton, Wang, Smola (2018), ICML: Detecting and correcting for label shift with black box predictors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.records import Interval
from smallcraft.stats.intervals import require_fraction

Floats = NDArray[np.float64]

ASSUMPTION = "within each class the inputs are as they were; only the shares of the classes have changed"
# Above this the confusion matrix says too little to be turned round.
WORST_CONDITION = 1000.0


@dataclass(frozen=True)
class LabelShift:
    """Estimated shares of the classes, arrays `(k,)`.

    Attributes:
        shares: Of the rows without labels, adding up to 1.
        low: Lower ends of bootstrap intervals, each by itself.
        high: Upper ends.
        weights: Shares over those of the labelled rows; NaN for a class that had none.
        condition: Condition number of the matrix of shares of answers by class; infinite when it cannot be
            turned round.
        accuracy: Expected share of right answers on the rows without labels.
        accuracy_interval: Of the same bootstrap.
    """

    shares: Floats
    low: Floats
    high: Floats
    weights: Floats
    condition: float
    accuracy: float
    accuracy_interval: Interval


def estimate_label_shift(
    confusion: NDArray[np.int64],
    answers: NDArray[np.int64],
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    draws: int = 500,
) -> LabelShift | None:
    """Shares of the classes of rows that have answers but no labels.

    Args:
        confusion: `(k, k)` labelled rows by true class and answer, k at least 2.
        answers: `(k,)` how often each answer was given without labels.
        rng: Of the bootstrap, which draws both anew.
        level: Coverage of each interval, a fraction in (0, 1).
        draws: Bootstrap samples.

    Returns:
        None when a class has no labelled rows, there are no answers, or the condition number is above 1,000.

    Raises:
        InvalidInputError: Shapes do not match, or a count is below 0.

    >>> confusion = np.array([[900, 100], [100, 900]])
    >>> found = estimate_label_shift(confusion, np.array([340, 660]), rng=np.random.default_rng(0))
    >>> found.shares.round(3).tolist(), round(found.condition, 2)
    ([0.3, 0.7], 1.25)
    """
    k = len(answers)
    if confusion.shape != (k, k) or k < 2 or confusion.min() < 0 or answers.min() < 0:
        raise InvalidInputError(
            f"label shift needs a square confusion matrix and an answer count a class, at least 2 classes, "
            f"got {confusion.shape} and {answers.shape}"
        )
    require_fraction(level, "level")
    of_class = confusion.sum(axis=1)
    if answers.sum() == 0 or (of_class == 0).any():
        return None
    given = confusion / of_class[:, None]
    condition = float(np.linalg.cond(given))
    if not condition <= WORST_CONDITION:
        return None
    shares = _shares(given[None], (answers / answers.sum())[None])[0]
    drawn = rng.multinomial(confusion.sum(), confusion.ravel() / confusion.sum(), size=draws)
    # Half a row a class keeps a drawn class from being empty.
    tables = drawn.reshape(draws, k, k) + given * 0.5
    tables = tables / tables.sum(axis=2, keepdims=True)
    seen = rng.multinomial(answers.sum(), answers / answers.sum(), size=draws) / answers.sum()
    resampled = _shares(tables, seen)
    ends = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(resampled, ends, axis=0)
    right = (resampled * np.diagonal(tables, axis1=1, axis2=2)).sum(axis=1)
    accuracy = float(shares @ np.diagonal(given))
    bounds = np.quantile(right, ends)
    return LabelShift(
        shares,
        np.minimum(low, shares),
        np.maximum(high, shares),
        shares / (of_class / of_class.sum()),
        condition,
        accuracy,
        Interval(min(float(bounds[0]), accuracy), max(float(bounds[1]), accuracy)),
    )


def _shares(given: Floats, seen: Floats) -> Floats:
    """Least squares of `seen = shares @ given`, what is below 0 cut off; `(d, k, k)` and `(d, k)`."""
    turned = np.linalg.pinv(given, rcond=1 / WORST_CONDITION)
    shares = np.maximum(np.einsum("dk,dkj->dj", seen, turned), 0.0)
    return np.asarray(shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-300))
