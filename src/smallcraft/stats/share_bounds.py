"""Bounds of many shares at once: what `stats.intervals` gives for one, for arrays.

Always: entries without trials have NaN bounds; the others agree with the one-share functions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from smallcraft.stats.intervals import normal_quantile, two_sided_tail

Floats = NDArray[np.float64]


def exact_bounds(hits: Floats, trials: Floats, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Clopper-Pearson bounds of each share, low and high.

    Args:
        hits: Counts in `[0, trials]`, possibly fractional (effective rows).
        trials: Counts of at least 0, of the same shape.
        level: Two-sided coverage as a fraction in (0, 1).

    Source:
        Clopper and Pearson (1934), Biometrika 26:404-413.

    >>> low, high = exact_bounds(np.array([8.0, 0.0]), np.array([10.0, 0.0]))
    >>> low.round(4).tolist(), high.round(4).tolist()
    ([0.4439, nan], [0.9748, nan])
    """
    confidence = two_sided_tail(level)
    with np.errstate(invalid="ignore"):
        low = special.betaincinv(hits, trials - hits + 1, 1 - confidence)
        high = special.betaincinv(hits + 1, trials - hits, confidence)
    low, high = np.where(hits <= 0, 0.0, low), np.where(hits >= trials, 1.0, high)
    return np.where(trials > 0, low, np.nan), np.where(trials > 0, high, np.nan)


def wilson_bounds(hits: Floats, trials: Floats, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Wilson bounds of each share, low and high.

    Args:
        hits: Counts in `[0, trials]`, possibly fractional.
        trials: Counts of at least 0, of the same shape.
        level: Two-sided coverage as a fraction in (0, 1).

    Source:
        Wilson (1927), JASA 22:209-212.

    >>> wilson_bounds(np.array([8.0]), np.array([10.0]))[0].round(4).tolist()
    [0.4902]
    """
    z = normal_quantile(two_sided_tail(level))
    some = np.where(trials > 0, trials, np.nan)
    share = hits / some
    spread = z * np.sqrt(share * (1 - share) / some + z * z / (4 * some * some))
    centre, scale = share + z * z / (2 * some), 1 + z * z / some
    low = np.where(hits <= 0, 0.0, (centre - spread) / scale)
    high = np.where(hits >= trials, 1.0, (centre + spread) / scale)
    empty = ~(trials > 0)
    return np.where(empty, np.nan, low), np.where(empty, np.nan, high)


def stratified_level(rows: Floats, *, level: float) -> float:
    """Coverage that the interval of each share needs for the mean of their bounds to have the wanted one.

    The spread of the shares is taken to differ by their rows alone: a share of 1 seen in few rows shows none
    of its own.

    Args:
        rows: `(g,)` rows of each share, above 0; the shares are of different rows and weigh alike.
        level: Wanted two-sided coverage of the mean, a fraction in (0, 1).

    Source:
        Yan and Su (2010), Statistics in Biopharmaceutical Research 2:329-335.

    >>> round(stratified_level(np.array([50.0]), level=0.95), 6)
    0.95
    """
    reach = normal_quantile(two_sided_tail(level))
    if len(rows):
        reach *= float(np.sqrt(np.sum(1 / rows)) / np.sum(1 / np.sqrt(rows)))
    return 2 * float(special.ndtr(reach)) - 1
