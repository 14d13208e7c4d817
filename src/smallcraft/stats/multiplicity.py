"""Many tests at once: adjusted p-values (Holm, Benjamini, Yekutieli), and claims by e-values (e-BH).

Which to use: where one false claim is too many, Holm; where a known share of the claims may be false,
Benjamini and Hochberg; where nothing is known of how the tests hang together, Benjamini and Yekutieli, or
e-values, which never need to know.
Always: an adjusted p-value is at least the given one and at most 1; rejecting those at or below the level
keeps the promise; order in is order out.
Not covered: Benjamini and Hochberg where tests pull against each other; it wants independent ones, or such
as rise together. The largest e-value that a stream ever had is no e-value: take them all at one time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.stats.intervals import require_fraction

# An e-value that stands exactly at its level may fall below it by the rounding of a logarithm.
_ROUNDING = 1e-12


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
    return _stepped_up(_checked(p_values), penalty=1.0)


def benjamini_yekutieli(p_values: Sequence[float]) -> NDArray[np.float64]:
    """Adjusted p-values that keep the expected share of false claims, however the tests hang together.

    Args:
        p_values: `m` of them, each in [0, 1].

    Returns:
        `(m,)` float64, in the order given.

    Raises:
        InvalidInputError: A p-value is outside [0, 1].

    Source:
        Benjamini and Yekutieli (2001), Annals of Statistics 29:1165-1188.

    >>> benjamini_yekutieli([0.001, 0.04, 0.03]).round(4).tolist()
    [0.0055, 0.0733, 0.0733]
    """
    given = _checked(p_values)
    return _stepped_up(given, penalty=float(np.sum(1 / np.arange(1, len(given) + 1))))


def claims_by_e_values(
    log_e_values: Sequence[float] | NDArray[np.float64], *, false_share: float
) -> NDArray[np.bool_]:
    """Which tests to claim, so that the expected share of false claims stays below a level (e-BH).

    Args:
        log_e_values: `m` natural logarithms of e-values, taken at one time, however they hang together.
        false_share: Expected share of false claims among the claims, a fraction in (0, 1).

    Returns:
        `(m,)` bool, in the order given: the k largest, for the largest k whose k-th is at least
        `m / (k * false_share)`.

    Raises:
        InvalidInputError: The share is not in (0, 1), or an e-value is NaN.

    Source:
        Wang and Ramdas (2022), JRSS B 84:822-852.

    >>> claims_by_e_values(np.log([50.0, 1.0, 21.0, 0.5]), false_share=0.1).tolist()
    [True, False, True, False]
    """
    require_fraction(false_share, "false_share")
    given = np.asarray(log_e_values, dtype=np.float64)
    if np.isnan(given).any():
        raise InvalidInputError("an e-value is NaN; leave out what was not tested")
    m = len(given)
    order = np.argsort(-given, kind="stable")
    enough = given[order] >= np.log(m / (np.arange(1, m + 1) * false_share)) - _ROUNDING
    claimed = np.zeros(m, dtype=np.bool_)
    claimed[order[: np.flatnonzero(enough)[-1] + 1 if enough.any() else 0]] = True
    return claimed


def _stepped_up(given: NDArray[np.float64], *, penalty: float) -> NDArray[np.float64]:
    """From the largest down, each times `m * penalty / rank`, and none above a larger one."""
    m = len(given)
    order = np.argsort(given, kind="stable")
    steps = given[order] * m * penalty / np.arange(1, m + 1)
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
