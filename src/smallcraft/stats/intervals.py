"""Intervals for proportions, means and quantiles.

Which to use: Wilson to show a share, Clopper-Pearson to decide on one (never under-covers), Newcombe for a
difference of two independent shares, order statistics for a quantile. Rows that share a key are handled by
the effective number of rows (shares) or by sums over clusters (means).
Always: `0 <= low <= high <= 1` for shares; a quantile without enough values has no bound (None), not a guess.
Left to others: shares of one set of rows under two models (`stats.comparisons`).
"""

from __future__ import annotations

import math

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy import special

from smallcraft.errors import InvalidInputError
from smallcraft.records import Interval


def wilson_interval(successes: float, trials: float, *, level: float = 0.95) -> Interval:
    """Two-sided Wilson score interval for a proportion.

    Args:
        successes: Count, `0 <= successes <= trials`.
        trials: Count, above 0.
        level: Coverage as a fraction in (0, 1).

    Returns:
        Bounds in [0, 1] that contain `successes / trials`.

    Raises:
        InvalidInputError: A bound above does not hold.

    Source:
        Wilson (1927), JASA 22:209-212.

    >>> round(wilson_interval(8, 10).low, 4)
    0.4902
    """
    _require_counts(successes, trials)
    z = normal_quantile(two_sided_tail(level))
    share = successes / trials
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    centre, scale = share + z * z / (2 * trials), 1 + z * z / trials
    low = 0.0 if successes == 0 else (centre - spread) / scale
    high = 1.0 if successes == trials else (centre + spread) / scale
    return Interval(max(0.0, min(low, share)), min(1.0, max(high, share)))


def clopper_pearson_interval(successes: float, trials: float, *, level: float = 0.95) -> Interval:
    """Two-sided exact interval for a proportion; covers at least `level` for every true share.

    Args:
        successes: Count, `0 <= successes <= trials`; may be fractional (effective rows).
        trials: Count, above 0.
        level: Coverage as a fraction in (0, 1).

    Raises:
        InvalidInputError: A bound above does not hold.

    Source:
        Clopper and Pearson (1934), Biometrika 26:404-413.

    >>> interval = clopper_pearson_interval(8, 10)
    >>> round(interval.low, 4), round(interval.high, 4)
    (0.4439, 0.9748)
    """
    confidence = two_sided_tail(level)
    return Interval(
        exact_lower_bound(successes, trials, confidence=confidence),
        exact_upper_bound(successes, trials, confidence=confidence),
    )


def exact_lower_bound(successes: float, trials: float, *, confidence: float = 0.95) -> float:
    """One-sided exact lower bound of a proportion.

    >>> round(exact_lower_bound(10, 10), 4)
    0.7411
    """
    _require_counts(successes, trials)
    require_fraction(confidence, "confidence")
    if successes == 0:
        return 0.0
    return float(special.betaincinv(successes, trials - successes + 1, 1 - confidence))


def exact_upper_bound(successes: float, trials: float, *, confidence: float = 0.95) -> float:
    """One-sided exact upper bound of a proportion.

    >>> round(exact_upper_bound(0, 10), 4)
    0.2589
    """
    _require_counts(successes, trials)
    require_fraction(confidence, "confidence")
    if successes == trials:
        return 1.0
    return float(special.betaincinv(successes + 1, trials - successes, confidence))


def newcombe_interval(
    successes_a: float, trials_a: float, successes_b: float, trials_b: float, *, level: float = 0.95
) -> Interval:
    """Interval for the difference `a - b` of two independent proportions, from their Wilson intervals.

    Args:
        successes_a: Count, `0 <= successes_a <= trials_a`.
        trials_a: Count, above 0.
        successes_b: Count, `0 <= successes_b <= trials_b`.
        trials_b: Count, above 0.
        level: Coverage as a fraction in (0, 1).

    Raises:
        InvalidInputError: A bound above does not hold.

    Source:
        Newcombe (1998), Statistics in Medicine 17:873-890, method 10; the example is his table II (a).

    >>> interval = newcombe_interval(56, 70, 48, 80)
    >>> round(interval.low, 4), round(interval.high, 4)
    (0.0524, 0.3339)
    """
    a = wilson_interval(successes_a, trials_a, level=level)
    b = wilson_interval(successes_b, trials_b, level=level)
    share_a, share_b = successes_a / trials_a, successes_b / trials_b
    down = math.hypot(share_a - a.low, b.high - share_b)
    up = math.hypot(a.high - share_a, share_b - b.low)
    return Interval(max(-1.0, share_a - share_b - down), min(1.0, share_a - share_b + up))


def share_interval(
    hits: NDArray[np.bool_], *, level: float = 0.95, clusters: NDArray[np.int64] | None = None
) -> Interval:
    """Clopper-Pearson interval of a share over rows; rows of one cluster count as less than one row each.

    With clusters the number of rows is divided by the design effect (never below 1) and by the ratio of
    squared t to normal quantiles, so few clusters give wide bounds.

    Args:
        hits: `(n,)` bool, n at least 1.
        level: Coverage as a fraction in (0, 1).
        clusters: `(n,)` int64, equal for rows that belong together; None when each row stands alone.

    Raises:
        InvalidInputError: No rows, or a level outside (0, 1).

    Source:
        Korn and Graubard (1998), Survey Methodology 24:193-201.
    """
    if len(hits) == 0:
        raise InvalidInputError("a share needs at least one row, got none; leave the empty slice unmeasured")
    count, rows = int(hits.sum()), len(hits)
    trials = float(rows) if clusters is None else effective_rows(hits, clusters, level=level)
    return clopper_pearson_interval(count * trials / rows, trials, level=level)


def effective_rows(hits: NDArray[np.bool_], clusters: NDArray[np.int64], *, level: float) -> float:
    """How many independent rows carry as much information on the share of `hits` as these rows do."""
    rows, share = len(hits), float(np.mean(hits))
    sums = _sum_clusters(hits.astype(np.float64) - share, clusters)
    groups = len(sums)
    if groups == rows:
        return float(rows)
    if groups == 1 or share in (0.0, 1.0):
        # No spread to estimate: the cautious end, each cluster is one row.
        return float(groups)
    clustered = groups / (groups - 1) * float(np.sum(sums**2)) / rows**2
    effect = max(1.0, clustered / (share * (1 - share) / rows))
    confidence = two_sided_tail(level)
    caution = (normal_quantile(confidence) / float(special.stdtrit(groups - 1, confidence))) ** 2
    return max(1.0, rows / effect * caution)


def mean_interval(
    values: NDArray[np.float64], *, level: float = 0.95, clusters: NDArray[np.int64] | None = None
) -> Interval | None:
    """Student-t interval of a mean; with clusters, from the sums over clusters.

    Args:
        values: `(n,)` float64.
        level: Coverage as a fraction in (0, 1).
        clusters: `(n,)` int64, equal for rows that belong together; None when each row stands alone.

    Returns:
        The interval, None when there are fewer than two rows (or clusters) to see a spread in.

    Source:
        Liang and Zeger (1986), Biometrika 73:13-22, for the clustered variance.

    >>> mean_interval(np.array([1.0, 2.0, 3.0])).high > 4
    True
    >>> mean_interval(np.array([1.0])) is None
    True
    """
    confidence = two_sided_tail(level)
    if len(values) == 0:
        return None
    mean = float(np.mean(values))
    away = np.asarray(values, dtype=np.float64) - mean
    sums = away if clusters is None else _sum_clusters(away, clusters)
    groups = len(sums)
    if groups < 2:
        return None
    error = math.sqrt(groups / (groups - 1) * float(np.sum(sums**2))) / len(values)
    reach = float(special.stdtrit(groups - 1, confidence)) * error
    return Interval(mean - reach, mean + reach)


def quantile_interval(
    sorted_values: NDArray[np.float64], q: float, confidence: float = 0.95
) -> Interval | None:
    """Two-sided interval for a quantile from order statistics; assumes nothing but independent values.

    Args:
        sorted_values: `(n,)` float64, ascending.
        q: Which quantile, a fraction in (0, 1).
        confidence: Coverage as a fraction in (0, 1).

    Returns:
        Two of the values, None when n is too small to bound the quantile on both sides.

    Source:
        David and Nagaraja (2003), Order Statistics, section 7.1.

    >>> quantile_interval(np.arange(5.0), 0.99) is None
    True
    >>> quantile_interval(np.arange(1.0, 101.0), 0.5)
    Interval(low=40.0, high=61.0)
    """
    one_sided = two_sided_tail(confidence)
    low = quantile_lower_bound(sorted_values, q, one_sided)
    high = quantile_upper_bound(sorted_values, q, one_sided)
    return None if low is None or high is None else Interval(low, high)


def quantile_upper_bound(sorted_values: NDArray[np.float64], q: float, confidence: float) -> float | None:
    """The smallest value above the `q` quantile with this one-sided confidence, else None."""
    require_fraction(q, "q")
    require_fraction(confidence, "confidence")
    n = len(sorted_values)
    # The r-th smallest is above the quantile when at most r - 1 values fall below it.
    rank = int(scipy.stats.binom.ppf(confidence, n, q)) + 1 if n else 1
    return float(sorted_values[rank - 1]) if rank <= n else None


def quantile_lower_bound(sorted_values: NDArray[np.float64], q: float, confidence: float) -> float | None:
    """The largest value below the `q` quantile with this one-sided confidence, else None."""
    mirrored = quantile_upper_bound(-np.asarray(sorted_values)[::-1], 1 - q, confidence)
    return None if mirrored is None else -mirrored


def least_n_for_quantile(q: float, confidence: float = 0.99, *, spare: int = 1) -> int:
    """How many values it takes before `spare` of them lie above an upper bound of the `q` quantile.

    One spare keeps the bound from being the very largest value, which a single hiccup sets.

    Source:
        MLPerf inference, early stopping: 64 for p90, 662 for p99, 6,636 for p99.9.

    >>> [least_n_for_quantile(q) for q in (0.9, 0.95, 0.99, 0.999)]
    [64, 130, 662, 6636]
    """
    require_fraction(q, "q")
    low, high = 1, math.ceil((spare + 20) * 10 / (1 - q))
    while low < high:
        middle = (low + high) // 2
        if scipy.stats.binom.cdf(spare, middle, 1 - q) <= 1 - confidence:
            high = middle
        else:
            low = middle + 1
    return low


def normal_quantile(probability: float) -> float:
    """The value that a standard normal stays below with this probability."""
    return float(special.ndtri(probability))


def two_sided_tail(level: float) -> float:
    """The one-sided confidence of each bound of a two-sided interval.

    Raises:
        InvalidInputError: The level is not in (0, 1).

    >>> round(two_sided_tail(0.9), 12)
    0.95
    """
    require_fraction(level, "level")
    return 0.5 + level / 2


def require_fraction(value: float, name: str) -> None:
    """Refuse what is not in (0, 1), with the likely slip named.

    Raises:
        InvalidInputError: It is not.
    """
    if 0 < value < 1:
        return
    hint = f"; write {value / 100:g} for {value:g}%" if 1 < value < 100 else "; 0.95 is usual"
    raise InvalidInputError(f"{name} must be a fraction in (0, 1), got {value:g}{hint}")


def _sum_clusters(values: NDArray[np.float64], clusters: NDArray[np.int64]) -> NDArray[np.float64]:
    codes = np.unique(clusters, return_inverse=True)[1]
    return np.asarray(np.bincount(codes, weights=values), dtype=np.float64)


def _require_counts(successes: float, trials: float) -> None:
    if not (trials > 0 and 0 <= successes <= trials):
        raise InvalidInputError(
            "an interval of a share needs 0 <= successes <= trials and trials > 0, "
            f"got {successes} of {trials}; leave an empty slice unmeasured"
        )
