"""The bounds of a measurement at the confidence that a gate asks for.

A share is bounded exactly from its counts (Clopper-Pearson), a difference of two independent shares from the
counts of both (`stats.share_gaps`). Anything else carries bounds of one level; they are stretched or shrunk
about the value as those of a mean would be.
Always: bounds at a higher confidence contain those at a lower one; a quantity without bounds has no sampling
error and is its own bound; on a side that was not bounded nothing is known.
Not covered: bounds of unknown level are taken as they are, `are_as_measured` says so.
"""

from __future__ import annotations

import math
from functools import lru_cache

from scipy import special

from smallcraft.records import Interval, Measurement
from smallcraft.stats.intervals import (
    exact_lower_bound,
    exact_upper_bound,
    normal_quantile,
    require_fraction,
    two_sided_tail,
)
from smallcraft.stats.share_gaps import share_gap_bounds

FRACTION = "fraction"
_ROUNDING = 1e-12


def bounds_at(measurement: Measurement, confidence: float) -> Interval:
    """Bounds of the true value, each alone missing it with at most `1 - confidence`.

    Args:
        measurement: With a finite value.
        confidence: One-sided, a fraction in (0.5, 1).

    Returns:
        The value itself where there is no sampling error; infinite on a side without a bound.

    Raises:
        InvalidInputError: The confidence is no fraction, or counts are not `0 <= hits <= trials`.

    Source:
        Clopper and Pearson (1934), Biometrika 26:404-413, for shares.

    >>> share = Measurement("accuracy", 0.8, "fraction", 10, "", hits=8, trials=10)
    >>> bounds = bounds_at(share, 0.975)
    >>> round(bounds.low, 4), round(bounds.high, 4)
    (0.4439, 0.9748)
    """
    require_fraction(confidence, "confidence")
    hits, trials = measurement.hits, measurement.trials
    if hits is None or trials is None:
        return _stretched(measurement, confidence)
    rest_hits, rest_trials = measurement.rest_hits, measurement.rest_trials
    if rest_hits is None or rest_trials is None:
        return _share_bounds(hits, trials, confidence)
    return _gap_bounds(hits, trials, rest_hits, rest_trials, confidence)


def are_as_measured(measurement: Measurement) -> bool:
    """True where the bounds are what was measured, whatever confidence was asked for.

    >>> are_as_measured(Measurement("p95_ms", 3.0, "ms", 500, "", low=2.8, high=3.3))
    True
    """
    has_bounds = measurement.low is not None or measurement.high is not None
    return has_bounds and measurement.level is None and measurement.trials is None


@lru_cache(maxsize=65536)
def _share_bounds(hits: float, trials: float, confidence: float) -> Interval:
    return Interval(
        exact_lower_bound(hits, trials, confidence=confidence),
        exact_upper_bound(hits, trials, confidence=confidence),
    )


@lru_cache(maxsize=65536)
def _gap_bounds(
    hits: float, trials: float, rest_hits: float, rest_trials: float, confidence: float
) -> Interval:
    return share_gap_bounds(hits, trials, rest_hits, rest_trials, confidence=confidence)


def _stretched(measurement: Measurement, confidence: float) -> Interval:
    value, low, high = measurement.value, measurement.low, measurement.high
    assert value is not None
    if low is None and high is None:
        return Interval(value, value)
    low, high = -math.inf if low is None else low, math.inf if high is None else high
    held = confidence if measurement.level is None else two_sided_tail(measurement.level)
    if abs(confidence - held) < _ROUNDING:
        return Interval(low, high)
    ratio = _reach_ratio(confidence, held, measurement.n)
    low, high = value - (value - low) * ratio, value + (high - value) * ratio
    if measurement.unit == FRACTION:
        # No share, and no difference of shares, lies beyond.
        low, high = max(-1.0, low), min(1.0, high)
    return Interval(low, high)


@lru_cache(maxsize=4096)
def _reach_ratio(confidence: float, held: float, n: int) -> float:
    """How much further a bound reaches at `confidence` than at the one that is held.

    Whichever is wider: the ratio of normal quantiles, or of Student's for n rows, so that few rows are
    stretched by more and shrunk by less than many.
    """
    normal = normal_quantile(confidence) / normal_quantile(held)
    if n < 2:
        return max(1.0, normal)
    return max(normal, float(special.stdtrit(n - 1, confidence) / special.stdtrit(n - 1, held)))
