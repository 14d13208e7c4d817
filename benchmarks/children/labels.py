"""Truth, predictions, scores and groups, the same for every contestant: seeded, nothing is handed over."""

from __future__ import annotations

import numpy as np


def draw_labels(n: int, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`n` labels of `k` unequal classes; predictions that are right for 90 % and 89 % of the rows."""
    rng = np.random.default_rng(7)
    shares = 1 / np.arange(1, k + 1)
    truth = rng.choice(k, size=n, p=shares / shares.sum())
    found = [truth]
    for accuracy in (0.90, 0.89):
        astray = rng.random(n) > accuracy
        predicted = truth.copy()
        predicted[astray] = rng.integers(0, k, size=int(astray.sum()))
        found.append(predicted)
    return tuple(column.astype(np.int64) for column in found)  # type: ignore[return-value]


def draw_groups(n: int, groups: int) -> np.ndarray:
    """`n` codes of `groups` groups, the first half as large as the last."""
    shares = np.linspace(1, 2, groups)
    return np.random.default_rng(8).choice(groups, size=n, p=shares / shares.sum())


def draw_scores(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Whether each row is positive (three in ten are) and its score in (0, 1)."""
    rng = np.random.default_rng(9)
    is_positive = rng.random(n) < 0.3
    return is_positive, 1 / (1 + np.exp(-rng.normal(size=n) - is_positive))
