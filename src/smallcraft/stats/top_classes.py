"""Which rows have their truth among the most probable classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def is_among_top(truth: NDArray[np.int64], probs: NDArray[np.float64], top: int) -> NDArray[np.bool_]:
    """Whether fewer than `top` classes are more probable than the truth; of equal ones the first comes first.

    Args:
        truth: `(n,)` int64 codes, -1 for a label that is none of the classes, which is never among them.
        probs: `(n, k)` float64.
        top: At least 1; 1 is what accuracy counts.

    >>> is_among_top(np.array([2, 2, -1]), np.array([[0.5, 0.3, 0.2]] * 3), 3).tolist()
    [True, True, False]
    """
    known = truth >= 0
    codes = np.where(known, truth, 0)
    own = probs[np.arange(len(truth)), codes][:, None]
    before = np.arange(probs.shape[1]) < codes[:, None]
    ahead = (probs > own).sum(axis=1) + ((probs == own) & before).sum(axis=1)
    return np.asarray(known & (ahead < top))
