"""Many tests at once: adjusted p-values by Holm, and by Benjamini and Hochberg.

Which to use: where one false claim is too many, Holm; where a known share of the claims may be false,
Benjamini and Hochberg.
Always: an adjusted p-value is at least the given one and at most 1; rejecting those at or below the level
keeps the promise; order in is order out.
Not covered: Benjamini and Hochberg where tests pull against each other; it wants independent ones, or such
as rise together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError


def holm(p_values: Sequence[float]) -> NDArray[np.float64]:
    """Adjusted p-values that keep the chance of even one false claim.

    Args:
        p_values: `m` of them, each in [0, 1].

    Returns:
        `(m,)` float64, in the order given.

    Raises:
        InvalidInputError: A p-value is outside [0, 1].

    Source:
        Holm (1979), Scandinavian Journal of Statistics 6:65-70.

    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    given = _checked(p_values)
    order = np.argsort(given, kind="stable")
    steps = given[order] * np.arange(len(given), 0, -1)
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> NDArray[np.float64]:
    """Adjusted p-values that keep the expected share of false claims among all claims.

    Args:
        p_values: `m` of them, each in [0, 1].

    Returns:
        `(m,)` float64, in the order given.

    Raises:
        InvalidInputError: A p-value is outside [0, 1].

    Source:
        Benjamini and Hochberg (1995), JRSS B 57:289-300.

    >>> benjamini_hochberg([0.01, 0.04, 0.03, 0.5]).round(4).tolist()
    [0.04, 0.0533, 0.0533, 0.5]
    """
    given = _checked(p_values)
    m = len(given)
    order = np.argsort(given, kind="stable")
    steps = given[order] * m / np.arange(1, m + 1)
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    return adjusted


def _checked(p_values: Sequence[float]) -> NDArray[np.float64]:
    given = np.asarray(p_values, dtype=np.float64)
    if not np.all((given >= 0) & (given <= 1)):
        raise InvalidInputError(
            f"p-values lie in [0, 1], got {list(p_values)}; leave out what was not tested"
        )
    return given
