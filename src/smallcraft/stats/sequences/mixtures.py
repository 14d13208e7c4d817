"""E-values out of many: averages over alternatives, over when a change began, over tests.

An average of e-values with weights fixed beforehand is an e-value, whatever they have to do with each other;
so one may hedge without paying for many looks.
Always: in logarithms throughout, so nothing overflows and a zero count is no special case.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError

Floats = NDArray[np.float64]
_ADD_UP = 1e-9


def log_mean(log_values: Floats, weights: Floats) -> Floats:
    """Logarithm of a weighted mean along the last axis.

    Args:
        log_values: `(..., k)` natural logarithms.
        weights: `(k,)` at least 0, adding up to 1.

    Returns:
        `(...,)`.

    Raises:
        InvalidInputError: The weights are below 0 or do not add up to 1.

    >>> import numpy as np
    >>> np.exp(log_mean(np.log(np.array([1.0, 9.0])), np.array([0.75, 0.25]))).round(6).item()
    3.0
    """
    if weights.min() < 0 or abs(float(weights.sum()) - 1) > _ADD_UP:
        raise InvalidInputError(f"weights must be at least 0 and add up to 1, got {weights.tolist()}")
    believed = weights > 0
    if not believed.all():
        # What has no weight must not set the scale, or all that has some might vanish beside it.
        log_values, weights = log_values[..., believed], weights[believed]
    top = log_values.max(axis=-1, keepdims=True)
    return np.asarray(top[..., 0] + np.log(np.exp(log_values - top) @ weights))


def log_mean_over_starts(
    log_ratios: Sequence[Floats], alternatives: Floats, *, starts: Sequence[float]
) -> Floats:
    """Logarithm of an e-value that hedges over the step at which a change began.

    For each start the ratios of that step and all later ones are added up, then averaged over the
    alternatives; a start that has not come counts as 1.

    Args:
        log_ratios: Of each step so far `(..., k)`.
        alternatives: `(k,)` weights, adding up to 1.
        starts: Of each step so far its weight, at least 0, together at most 1; the rest is for steps to come.

    Returns:
        `(...,)`.

    Raises:
        InvalidInputError: The weights are below 0 or too large.

    >>> import numpy as np
    >>> steps = [np.log(np.array([0.5])), np.log(np.array([8.0]))]
    >>> np.exp(log_mean_over_starts(steps, np.ones(1), starts=[0.4, 0.2])).round(6).item()
    3.6
    """
    left = 1.0 - sum(starts)
    if left < -_ADD_UP or min(starts, default=0.0) < 0:
        raise InvalidInputError(f"starts must be at least 0 and add up to 1 at most, got {list(starts)}")
    since: Floats | None = None
    begun: list[Floats] = []
    for ratios, weight in zip(reversed(log_ratios), reversed(starts), strict=True):
        since = ratios if since is None else since + ratios
        if weight > 0:
            begun.append(log_mean(since, alternatives))
    if since is None:
        return np.zeros(())
    none = np.zeros(since.shape[:-1])
    weights = np.array([*(weight for weight in reversed(starts) if weight > 0), max(left, 0.0)])
    return log_mean(np.stack([*begun, none], axis=-1), weights / weights.sum())
