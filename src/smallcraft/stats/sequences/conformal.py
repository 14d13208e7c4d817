"""Conformal p-values of a new number among earlier ones, and e-values made from them.

The rank of a number among numbers it is exchangeable with is uniform whatever their law; ties and the gaps
between ranks are filled with a random number, so that the p-value is exactly uniform. It becomes a normal
score, and a bet that scores have moved up or down by some standard deviations becomes an e-value.
Always: the mean of an e-value is exactly 1 for exchangeable numbers; random numbers are a function of seed,
time and name, so a replay gives the same to the last bit; with nothing to compare with, p is that random
number and bets are even on average.
Left to others: what the numbers are compared with, and whether they are exchangeable
(`stats.sequences.window_streams`); many windows (`stats.sequences.detectors`).
Source: Vovk, Gammerman, Shafer (2022), Algorithmic Learning in a Random World, chapters 2 and 8.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from smallcraft.errors import InvalidInputError

Floats = NDArray[np.float64]

DEFAULT_SIZES = (1.0, 2.0)

_STEP, _FIRST, _SECOND = (
    np.uint64(word) for word in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)


@dataclass(frozen=True)
class Bets:
    """Which changes are bet on; arrays `(b,)`.

    Attributes:
        statistic: Int64 place of the statistic a bet is about.
        side: 1.0 for a rise, -1.0 for a fall.
        size: By how many standard deviations of a window, above 0.
        weight: Share of the whole, adding up to 1.
    """

    statistic: NDArray[np.int64]
    side: Floats
    size: Floats
    weight: Floats


def make_bets(weights: Floats, sides: NDArray[np.int64], *, sizes: tuple[float, ...] = DEFAULT_SIZES) -> Bets:
    """Bets on each statistic, its weight spread evenly over its sides and sizes.

    Args:
        weights: `(j,)` at least 0, at least one above; they need not add up.
        sides: `(j,)` 1 for a rise alone, -1 for a fall alone, 0 for either.
        sizes: Each above 0.

    Raises:
        InvalidInputError: A bound above does not hold.

    >>> make_bets(np.array([1.0, 1.0]), np.array([1, 0]), sizes=(2.0,)).weight.tolist()
    [0.5, 0.25, 0.25]
    """
    if weights.shape != sides.shape or weights.min() < 0 or weights.sum() <= 0 or min(sizes) <= 0:
        raise InvalidInputError(
            f"bets need a weight of at least 0 and a side a statistic, and sizes above 0, got "
            f"{weights.tolist()}, {sides.tolist()} and {list(sizes)}"
        )
    shares = weights / weights.sum()
    rows = [
        (place, float(side), size, shares[place] / (len(sizes) * (2 if way == 0 else 1)))
        for place, way in enumerate(sides.tolist())
        for side in ((1, -1) if way == 0 else (way,))
        for size in sizes
    ]
    statistic, side, size, weight = (np.array(column) for column in zip(*rows, strict=True))
    return Bets(statistic.astype(np.int64), side, size, weight / weight.sum())


def counter_uniforms(seed: int, at: int, names: NDArray[np.uint64]) -> Floats:
    """Random numbers that are a function of seed, time and name alone.

    Args:
        seed: Of the stream, 0 or more.
        at: Number of the step, 0 or more.
        names: `(...,)` uint64, one of each statistic (and stream): a digest of its name.

    Returns:
        `(...,)` in (0, 1).

    Source:
        Steele, Lea, Flood (2014), OOPSLA: Fast splittable pseudorandom number generators (the mixer).
    """
    with np.errstate(over="ignore"):
        state = _mixed(np.uint64(seed) + _STEP)
        state = _mixed(state ^ (np.uint64(at) * _STEP + _SECOND))
        words = _mixed(_mixed(np.asarray(names, dtype=np.uint64) + _STEP) ^ state)
    return np.asarray(((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53)


def conformal_p_values(values: Floats, pool: Floats, *, uniforms: Floats) -> Floats:
    """How rarely an earlier number is as large as a new one: small where it is unusually large.

    Args:
        values: `(...,)`.
        pool: `(..., k)` earlier numbers; NaN stands for none.
        uniforms: `(...,)` random numbers in (0, 1).

    Returns:
        `(...,)` in (0, 1): `(#larger + U * (1 + #equal)) / (K + 1)`; exactly uniform if values and pool are
        exchangeable. NaN where the value is.

    >>> pool = np.array([1.0, 2.0, 3.0, np.nan])
    >>> conformal_p_values(np.array(2.5), pool, uniforms=np.array(0.5)).item()
    0.375
    """
    larger = np.count_nonzero(pool > values[..., None], axis=-1)
    equal = np.count_nonzero(pool == values[..., None], axis=-1)
    known = np.count_nonzero(~np.isnan(pool), axis=-1)
    p_values = (larger + uniforms * (1 + equal)) / (known + 1)
    return np.where(np.isnan(values), np.nan, p_values)


def normal_scores(p_values: Floats) -> Floats:
    """Standard normal numbers of the same tails: large where p is small."""
    return np.asarray(-special.ndtri(p_values))


def log_e_values(scores: Floats, bets: Bets) -> Floats:
    """Logarithms of the e-values of all bets.

    Args:
        scores: `(..., j)` standard normal under no change; NaN where a statistic was not measured.
        bets: On those statistics.

    Returns:
        `(..., b)`: `side * size * score - size ** 2 / 2`; 0 where there is no score.
    """
    moved = scores[..., bets.statistic]
    logs = bets.side * bets.size * moved - bets.size**2 / 2
    return np.where(np.isnan(moved), 0.0, logs)


def _mixed(words: NDArray[np.uint64] | np.uint64) -> NDArray[np.uint64] | np.uint64:
    mixed = (words ^ (words >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return mixed ^ (mixed >> np.uint64(31))
