"""Whether two sides have the same shares of bins: the likelihood-ratio test, over many columns at once.

Always: for rows that are independent, p-values are uniform (or larger) while nothing has changed, whatever
the shares; bins too empty for that are taken together.
Left to others: how far two sides are apart (`stats.distances`); rows that hang together (`stats.sequences`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from smallcraft.errors import InvalidInputError

Floats = NDArray[np.float64]

# Rows a bin must be expected to hold, on the side with fewer, for the chi-square law (Cochran, 1954).
LEAST_EXPECTED = 5.0


@dataclass(frozen=True)
class GTest:
    """Likelihood-ratio test of equal shares.

    Attributes:
        statistic: `(...,)`.
        freedom: `(...,)` int64 degrees of freedom.
        p_value: `(...,)` for independent rows, by the chi-square law.
    """

    statistic: Floats
    freedom: NDArray[np.int64]
    p_value: Floats


def g_test(reference: Floats, window: Floats, *, least_expected: float = LEAST_EXPECTED) -> GTest:
    """Likelihood-ratio test that both sides have the same shares; here nothing is added to the counts.

    Args:
        reference: `(..., b)` counts, at least 0.
        window: `(..., b)` counts.
        least_expected: Bins of which fewer rows than this are expected on one side are taken together, and
            with the next larger ones until that many are: of emptier bins the law is not chi-square, and a
            single row beyond the reference's ends would be evidence.

    Raises:
        InvalidInputError: Shapes differ, or a count is below 0.

    Source:
        Wilks (1938), Annals of Mathematical Statistics 9:60-62.
    """
    require_counts(reference, window)
    reference, window = _thin_together(reference, window, least_expected)
    both = reference + window
    rows = both.sum(axis=-1, keepdims=True)
    statistic = np.zeros(both.shape[:-1])
    with np.errstate(divide="ignore", invalid="ignore"):
        for side in (reference, window):
            expected = both * (side.sum(axis=-1, keepdims=True) / rows)
            statistic = statistic + 2 * special.xlogy(side, side / expected).sum(axis=-1, where=side > 0)
    freedom = np.maximum((both > 0).sum(axis=-1) - 1, 0)
    empty = (reference.sum(axis=-1) == 0) | (window.sum(axis=-1) == 0)
    statistic = np.where(empty, np.nan, np.maximum(statistic, 0.0))
    with np.errstate(invalid="ignore"):
        tail = np.where(freedom == 0, 1.0, special.chdtrc(np.maximum(freedom, 1), statistic))
    return GTest(statistic, freedom, np.where(empty, np.nan, tail))


def _thin_together(reference: Floats, window: Floats, least: float) -> tuple[Floats, Floats]:
    """Bins in order of size, the first of them as one where too few rows are expected."""
    both = reference + window
    if not least or not both.shape[-1]:
        return reference, window
    order = np.argsort(both, axis=-1, kind="stable")
    old, new, sums = (np.take_along_axis(side, order, axis=-1) for side in (reference, window, both))
    rows = np.maximum(both.sum(axis=-1, keepdims=True), 1.0)
    smaller = np.minimum(old.sum(axis=-1, keepdims=True), new.sum(axis=-1, keepdims=True)) / rows
    thin = np.count_nonzero(sums * smaller < least, axis=-1, keepdims=True)
    enough = np.count_nonzero(np.cumsum(sums, axis=-1) * smaller < least, axis=-1, keepdims=True) + 1
    some = np.count_nonzero((sums > 0) & (sums * smaller < least), axis=-1, keepdims=True) > 0
    taken = np.arange(both.shape[-1]) < np.where(some, np.maximum(thin, enough), 0)
    first = np.arange(both.shape[-1]) == 0

    def merged(side: Floats) -> Floats:
        whole = np.where(taken, side, 0.0).sum(axis=-1, keepdims=True)
        return np.where(taken, np.where(first, whole, 0.0), side)

    return merged(old), merged(new)


def require_counts(reference: Floats, window: Floats) -> None:
    """Refuse counts of two sides that do not match.

    Raises:
        InvalidInputError: Shapes differ, or a count is below 0.
    """
    if reference.shape != window.shape or reference.min(initial=0) < 0 or window.min(initial=0) < 0:
        raise InvalidInputError(
            "distances need counts of at least 0 in the same bins, got shapes "
            f"{reference.shape} and {window.shape}; count both with the reference's bins"
        )
