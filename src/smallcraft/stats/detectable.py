"""The smallest true difference that a comparison of so many rows would have shown.

Beside "no difference was shown" belongs what could have been shown: a difference counts as detectable when a
test at the stated confidence shows it, on the right side, with the stated power.
Always: more rows never make it larger; the result is a difference that the rows can have (at most 1 for
shares), or None where no difference could be shown.
Left to others: the comparison itself (`stats.comparisons`).
"""

from __future__ import annotations

import math

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy import optimize

from smallcraft.errors import InvalidInputError
from smallcraft.stats.intervals import normal_quantile, require_fraction, two_sided_tail

_NEGLIGIBLE = 1e-9


def detectable_share_difference(
    discordant: float, n: float, *, confidence: float = 0.95, power: float = 0.8
) -> float | None:
    """For two shares on the same rows: what the exact McNemar test at these rows would show.

    So many rows tell the two apart as did in the comparison at hand, or, where the difference alone needs
    more of them, as many as it needs.

    Args:
        discordant: Rows that exactly one of the two got right, `0 <= discordant <= n`.
        n: All rows, at least 1; may be fractional (effective rows), and is then rounded down.
        confidence: Two-sided, of the test, in (0, 1).
        power: Chance of showing it, in (0, 1).

    Returns:
        The true difference; None where so few rows would not show even a difference of 1.

    Raises:
        InvalidInputError: A bound above does not hold.

    Source:
        McNemar (1947), Psychometrika 12:153-157, its exact form; power as in Connor (1987), Biometrics
        43:207-211, summed over the binomials instead of approximated.

    >>> round(detectable_share_difference(100, 1000), 3)
    0.029
    """
    require_fraction(confidence, "confidence")
    require_fraction(power, "power")
    if not (n >= 1 and 0 <= discordant <= n):
        raise InvalidInputError(f"discordant rows must fit in n rows, got {discordant:g} of {n:g}")
    rows, share = math.floor(n), discordant / n

    def lack(difference: float) -> float:
        return mcnemar_power(difference, max(share, difference), rows, confidence=confidence) - power

    if lack(1.0) < 0:
        return None
    return float(optimize.brentq(lack, _NEGLIGIBLE, 1.0, xtol=1e-7))


def mcnemar_power(difference: float, discordant_share: float, n: int, *, confidence: float = 0.95) -> float:
    """Chance that the exact McNemar test shows a true difference, on its right side.

    Args:
        difference: Of the two shares, in (0, `discordant_share`].
        discordant_share: Of rows that exactly one gets right, in (0, 1].
        n: Rows, at least 1.
        confidence: Two-sided, in (0, 1).

    Raises:
        InvalidInputError: A bound above does not hold.

    >>> round(mcnemar_power(0.5, 0.5, 20), 3)
    0.979
    """
    require_fraction(confidence, "confidence")
    if not (n >= 1 and 0 < difference <= discordant_share <= 1):
        raise InvalidInputError(
            "a power needs 0 < difference <= discordant share <= 1 and n >= 1, "
            f"got {difference:g}, {discordant_share:g} and {n}"
        )
    counts = _likely_counts(discordant_share, n)
    weights = scipy.stats.binom.pmf(counts, n, discordant_share)
    most_lost = _largest_rejected(counts, 1 - confidence)
    lost_share = (discordant_share - difference) / (2 * discordant_share)
    shown = np.where(most_lost >= 0, scipy.stats.binom.cdf(most_lost, counts, lost_share), 0.0)
    return float(weights @ shown)


def detectable_mean_difference(
    standard_error: float, *, confidence: float = 0.95, power: float = 0.8
) -> float | None:
    """For a difference that is about normal: the sum of the two quantiles times its standard error.

    Args:
        standard_error: Of the difference, at least 0.
        confidence: Two-sided, in (0, 1).
        power: Chance of showing it, in (0, 1).

    Returns:
        The true difference; None where the standard error is not known (infinite or not a number).

    Source:
        Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, chapter 2.

    >>> round(detectable_mean_difference(0.01), 4)
    0.028
    """
    require_fraction(power, "power")
    if not math.isfinite(standard_error):
        return None
    return (normal_quantile(two_sided_tail(confidence)) + normal_quantile(power)) * standard_error


def _likely_counts(share: float, n: int) -> NDArray[np.int64]:
    """All but a negligible part of what a binomial gives."""
    low = int(scipy.stats.binom.ppf(_NEGLIGIBLE, n, share))
    high = int(scipy.stats.binom.isf(_NEGLIGIBLE, n, share))
    return np.arange(max(low, 0), min(high, n) + 1, dtype=np.int64)


def _largest_rejected(discordant: NDArray[np.int64], alpha: float) -> NDArray[np.int64]:
    """For each number of discordant rows the most losses that still show a difference; -1 for none."""
    at = scipy.stats.binom.ppf(alpha / 2, discordant, 0.5).astype(np.int64)
    rejects = 2 * scipy.stats.binom.cdf(at, discordant, 0.5) <= alpha
    return np.asarray(np.where(rejects, at, at - 1), dtype=np.int64)
