"""Estimates as measurements: shares, means, differences of two; with what a gate needs for its own bounds.

Always: `value == hits / trials` (minus `rest_hits / rest_trials`); too few rows, or none, is a measurement
without a value that says so; rows of one key count as less than a row each.
Left to others: which rows are meant; what a number means for a release (`smallcraft.gates`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.records import Interval, Measurement
from smallcraft.stats.intervals import (
    clopper_pearson_interval,
    effective_rows,
    newcombe_interval,
    normal_quantile,
    two_sided_tail,
)

FRACTION = "fraction"


@dataclass(frozen=True)
class Counted:
    """A share as counts.

    Attributes:
        hits: Rows that count; fractional where rows of one key count as less than a row.
        trials: Out of how many; above 0 where `n` is.
        n: Rows that were looked at.
        clustered: Whether `hits` and `trials` are effective counts.
    """

    hits: float
    trials: float
    n: int
    clustered: bool = False

    @property
    def share(self) -> float:
        """Hits out of trials."""
        return self.hits / self.trials


@dataclass(frozen=True)
class Averaged:
    """A mean with the variance of its estimate."""

    mean: float
    variance: float
    n: int


@dataclass(frozen=True)
class Place:
    """Where a measurement belongs, and with which coverage it is made."""

    slice: str
    split: str | None
    confidence: float


def count_share(
    hits: NDArray[np.bool_], *, confidence: float, clusters: NDArray[np.int64] | None = None
) -> Counted:
    """Counts of a share over `(n,)` rows; effective counts where rows share a key.

    >>> count_share(np.array([True, False, True]), confidence=0.95)
    Counted(hits=2.0, trials=3.0, n=3, clustered=False)
    """
    n, count = len(hits), float(np.sum(hits))
    if clusters is None or n == 0:
        return Counted(count, float(n), n, clusters is not None)
    trials = effective_rows(hits, clusters, level=confidence)
    return Counted(count * trials / n, trials, n, clustered=True)


def measure_share(name: str, counted: Counted, place: Place, *, least: int = 1, why: str = "") -> Measurement:
    """A share with its exact interval.

    Args:
        name: Of the measurement.
        counted: From `count_share`, or counts of independent rows.
        place: Slice, split and coverage.
        least: With fewer rows than this the share is not measured.
        why: What the rows are, for the reason: `rows of the positive class`.
    """
    method = share_method(place.confidence, is_clustered=counted.clustered)
    if counted.n < max(least, 1):
        return unmeasured(name, place, _too_few(counted.n, least, why or "rows"), n=counted.n, method=method)
    interval = clopper_pearson_interval(counted.hits, counted.trials, level=place.confidence)
    return Measurement(
        name=name,
        value=counted.share,
        unit=FRACTION,
        n=counted.n,
        method=method,
        low=interval.low,
        high=interval.high,
        split=place.split,
        slice=place.slice,
        level=place.confidence,
        hits=counted.hits,
        trials=counted.trials,
    )


def measure_hits(
    name: str,
    hits: NDArray[np.bool_],
    clusters: NDArray[np.int64] | None = None,
    *,
    confidence: float,
    empty: str = "no rows in this slice",
) -> Measurement:
    """The share of rows that hit, over all rows given.

    Args:
        name: Of the measurement.
        hits: `(n,)` bool.
        clusters: `(n,)` int64, equal for rows that belong together; None when each stands alone.
        confidence: Coverage of the interval.
        empty: The reason given where there are no rows.
    """
    counted = count_share(hits, confidence=confidence, clusters=clusters)
    if counted.n == 0:
        method = share_method(confidence, is_clustered=counted.clustered)
        return Measurement(name, None, FRACTION, 0, method, detail=empty)
    return measure_share(name, counted, Place("all", None, confidence))


def share_method(confidence: float, *, is_clustered: bool, interval: str = "Clopper-Pearson") -> str:
    """How the interval of a share is made, in words.

    >>> share_method(0.95, is_clustered=True)
    'Clopper-Pearson 95%, Korn-Graubard effective rows'
    """
    return f"{interval} {confidence:.0%}" + (", Korn-Graubard effective rows" if is_clustered else "")


def measure_gap(
    name: str, counted: Counted, rest: Counted, place: Place, *, least: int = 1, why: str = ""
) -> Measurement:
    """A share minus that of other, independent rows; shown with Newcombe's interval.

    Args:
        name: Of the measurement.
        counted: The share.
        rest: The one that is taken away.
        place: Slice, split and coverage.
        least: With fewer rows than this on either side the gap is not measured.
        why: What the rows are, for the reason.
    """
    method = share_method(place.confidence, is_clustered=counted.clustered, interval="Newcombe")
    words = why or "rows"
    if counted.n < max(least, 1):
        return unmeasured(name, place, _too_few(counted.n, least, words), n=counted.n, method=method)
    if rest.n < max(least, 1):
        reason = _too_few(rest.n, least, f"{words} outside")
        return unmeasured(name, place, reason, n=counted.n, method=method)
    interval = gap_interval(counted, rest, level=place.confidence)
    return Measurement(
        name=name,
        value=counted.share - rest.share,
        unit=FRACTION,
        n=counted.n,
        method=method,
        low=interval.low,
        high=interval.high,
        split=place.split,
        slice=place.slice,
        level=place.confidence,
        hits=counted.hits,
        trials=counted.trials,
        rest_hits=rest.hits,
        rest_trials=rest.trials,
    )


def gap_interval(counted: Counted, rest: Counted, *, level: float) -> Interval:
    """Newcombe's interval of a share minus another; effective counts may be fractional."""
    return newcombe_interval(
        counted.hits,
        counted.trials,
        rest.hits,
        rest.trials,
        level=level,
    )


def average(
    values: NDArray[np.float64],
    *,
    clusters: NDArray[np.int64] | None = None,
    stated: float = 0.0,
) -> Averaged:
    """Mean of `(n,)` values with the variance of its estimate, n at least 2 for a variance.

    Args:
        values: Any numbers.
        clusters: Equal for rows that belong together.
        stated: Variance of one value that is known beforehand; the values' own never counts as less.
    """
    n = len(values)
    if n == 0:
        return Averaged(0.0, 0.0, 0)
    mean = float(np.mean(values))
    away = values - mean
    sums = away if clusters is None else np.bincount(np.unique(clusters, return_inverse=True)[1], away)
    groups = len(sums)
    if groups < 2:
        return Averaged(mean, np.inf, n)
    spread = groups / (groups - 1) * float(np.sum(sums**2)) / n**2
    return Averaged(mean, max(spread, stated / n), n)


def average_gaps(
    confidence_of_row: NDArray[np.float64],
    outcome: NDArray[np.bool_],
    *,
    clusters: NDArray[np.int64] | None = None,
) -> Averaged:
    """Mean of confidence minus outcome; its variance is at least what the confidences themselves state.

    (Thirty rows that were all right show no spread of their own.)
    """
    doubt = confidence_of_row * (1 - confidence_of_row)
    stated = float(doubt.mean()) if len(doubt) else 0.0
    return average(confidence_of_row - outcome, clusters=clusters, stated=stated)


def measure_mean(
    name: str, averaged: Averaged, place: Place, *, least: int = 2, why: str = ""
) -> Measurement:
    """A mean of numbers in [-1, 1] with a normal interval; with fewer rows than `least` not measured."""
    method = f"mean, normal {place.confidence:.0%}"
    if averaged.n < least:
        return unmeasured(
            name, place, _too_few(averaged.n, least, why or "rows"), n=averaged.n, method=method
        )
    return _mean_measurement(name, averaged, place, method)


def measure_mean_gap(
    name: str, averaged: Averaged, rest: Averaged, place: Place, *, least: int = 2, why: str = ""
) -> Measurement:
    """A mean minus that of other, independent rows, with a normal interval of the difference."""
    method = f"difference of means, normal {place.confidence:.0%}"
    words = why or "rows"
    if averaged.n < least:
        return unmeasured(name, place, _too_few(averaged.n, least, words), n=averaged.n, method=method)
    if rest.n < least:
        return unmeasured(
            name, place, _too_few(rest.n, least, f"{words} outside"), n=averaged.n, method=method
        )
    difference = Averaged(averaged.mean - rest.mean, averaged.variance + rest.variance, averaged.n)
    return _mean_measurement(name, difference, place, method)


def unmeasured(name: str, place: Place, why: str, *, n: int = 0, method: str = "") -> Measurement:
    """A measurement without a value, and why."""
    return Measurement(
        name, None, FRACTION, n, method, split=place.split, slice=place.slice, detail=f"not measured: {why}"
    )


def _mean_measurement(name: str, averaged: Averaged, place: Place, method: str) -> Measurement:
    reach = normal_quantile(two_sided_tail(place.confidence)) * float(np.sqrt(averaged.variance))
    return Measurement(
        name=name,
        value=averaged.mean,
        unit=FRACTION,
        n=averaged.n,
        method=method,
        low=max(-1.0, averaged.mean - reach),
        high=min(1.0, averaged.mean + reach),
        split=place.split,
        slice=place.slice,
        level=place.confidence,
    )


def _too_few(n: int, least: int, rows: str) -> str:
    if n == 0:
        return f"no {rows}; add some to this slice"
    return f"{n} {rows}, {least} are needed; add {least - n} more such rows"
