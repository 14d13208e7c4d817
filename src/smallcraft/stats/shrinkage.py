"""Shares of small groups, drawn toward the whole as far as the groups are alike (beta-binomial).

A group of ten rows that got nine right has not shown 0.9: its share is mixed with that of all groups, with a
weight that the groups themselves decide. Shown beside the raw share, never in its place, and never gated.
Always: a shrunken share lies between the raw one and the common one; more rows mean less shrinking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from smallcraft.errors import InvalidInputError

_LEAST_MIX, _MIX_STEPS = 0.005, 100


@dataclass(frozen=True)
class ShrunkenShares:
    """What the groups have in common, and each group's share after shrinking.

    Attributes:
        values: `(g,)` float64; the common share for a group without a row.
        common: The share that groups are drawn toward.
        concentration: About how many rows the common share weighs as much as.
    """

    values: NDArray[np.float64]
    common: float
    concentration: float


def shrink_shares(hits: ArrayLike, trials: ArrayLike) -> ShrunkenShares:
    """Posterior means of the groups' shares when these come from one beta distribution.

    The mean of that distribution is the best linear one for each concentration; the concentration is averaged
    over its likelihood under the uniform shrinkage prior (the weight of the common share in a group of
    typical size is as likely to be anything from 0 to 1), so that two groups are no reason for extremes.

    Args:
        hits: `(g,)` counts, `0 <= hits <= trials`; may be fractional (effective rows).
        trials: `(g,)` counts, at least 0, one of them above 0.

    Raises:
        InvalidInputError: A bound above does not hold.

    Source:
        Kleinman (1973), JASA 68:46-54, for the mean; Christiansen and Morris (1997), JASA 92:618-632, for the
        prior.

    >>> shrunken = shrink_shares([80, 82, 79, 1], [100, 100, 100, 4])
    >>> [round(float(share), 2) for share in shrunken.values]
    [0.79, 0.8, 0.79, 0.73]
    """
    right, rows = _require_counts(hits, trials)
    seen = rows > 0
    mix = np.linspace(_LEAST_MIX, 1 - _LEAST_MIX, _MIX_STEPS)
    concentration = (mix / (1 - mix) * _typical_size(rows[seen]))[:, None]
    means = _means(right[seen], rows[seen], concentration)
    alpha, beta = means * concentration, (1 - means) * concentration
    likelihood = special.betaln(alpha + right[seen], beta + rows[seen] - right[seen])
    likelihood -= special.betaln(alpha, beta)
    weight = special.softmax(likelihood.sum(axis=1))
    common, mixed = float(weight @ means[:, 0]), weight @ (concentration / (rows + concentration))
    raw = np.divide(right, rows, out=np.full(len(rows), common), where=seen)
    return ShrunkenShares(
        values=np.asarray((1 - mixed) * raw + mixed * common),
        common=common,
        concentration=float(np.exp(weight @ np.log(concentration[:, 0]))),
    )


def shrink_toward(hits: Sequence[float], trials: Sequence[float]) -> tuple[float, ...]:
    """The shrunken shares alone, as plain numbers in the order of the groups."""
    return tuple(float(value) for value in shrink_shares(hits, trials).values)


def _means(
    hits: NDArray[np.float64], trials: NDArray[np.float64], concentration: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`(c, 1)` mean of the shares for each concentration, inside (0, 1).

    A share of `n` rows has variance in proportion to `(1 + (n - 1) / (c + 1)) / n`.
    """
    weights = trials / (1 + np.maximum(trials - 1, 0) / (concentration + 1))
    mean = (weights * (hits / trials)).sum(axis=1, keepdims=True) / weights.sum(axis=1, keepdims=True)
    edge = 0.5 / (trials.sum() + 1)
    return np.asarray(np.clip(mean, edge, 1 - edge))


def _typical_size(trials: NDArray[np.float64]) -> float:
    """Harmonic mean of the group sizes: the small groups are what is shrunk."""
    return float(len(trials) / np.sum(1 / trials))


def _require_counts(hits: ArrayLike, trials: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    right, rows = np.asarray(hits, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    if right.shape != rows.shape or right.ndim != 1:
        raise InvalidInputError(
            f"hits and trials must be one count a group, got shapes {right.shape} and {rows.shape}; "
            "pass two lists of one length"
        )
    if not (np.all(right >= 0) and np.all(right <= rows) and rows.sum() > 0):
        raise InvalidInputError(
            "shrinking shares needs 0 <= hits <= trials in each group and a trial in one of them at least; "
            "leave out what was not counted"
        )
    return right, rows
