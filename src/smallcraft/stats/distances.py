"""How far the counts of a window are from those of a reference, over many columns at once.

All take two arrays of counts with the bins on the last axis, aligned, the bins taken from the reference
(`stats.reference_bins`). Half a count is added to every bin that is not empty on both sides, so a bin that
one side never met is far, not infinitely far; bins that are empty on both sides are left out.
Always: 0 for equal shares (up to the half counts), never below it but for what `debiased` takes off.
Left to others: tests (`stats.share_tests`); whether a distance is alarming (`stats.sequences`).
Not covered: what happens inside a bin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from smallcraft.errors import InvalidInputError
from smallcraft.stats.histograms import Histogram, cell_middles, quantiles
from smallcraft.stats.share_tests import g_test, require_counts

Floats = NDArray[np.float64]

# Share of the reference at either end that sets no scale: values beyond count as if they stood a span away.
_END_SHARE = 0.01


@dataclass(frozen=True)
class Distances:
    """All scores of some columns, each of the shape `(...,)` of the columns.

    Attributes:
        kl: Kullback-Leibler divergence of the window from the reference, in nats, chance taken off.
        kl_sd: The same as a shift of a normal mean in standard deviations.
        psi: Population stability index.
        jensen_shannon: Distance (root of the divergence in nats), in [0, 0.833].
        hellinger: In [0, 1].
        total_variation: In [0, 1].
        g: Likelihood-ratio statistic, thin bins taken together.
        g_p_value: Its p-value for rows that are independent.
        cells: Bins that are not empty on both sides.
    """

    kl: Floats
    kl_sd: Floats
    psi: Floats
    jensen_shannon: Floats
    hellinger: Floats
    total_variation: Floats
    g: Floats
    g_p_value: Floats
    cells: NDArray[np.int64]


@dataclass(frozen=True)
class OrderedDistances:
    """Distances that know that values have an order and a size.

    Attributes:
        kolmogorov_smirnov: Largest difference of the shares up to a value, in [0, 1].
        wasserstein_sd: Mean way that a value has moved, in standard deviations of the reference.
    """

    kolmogorov_smirnov: float
    wasserstein_sd: float


def kl_divergence(reference: Floats, window: Floats, *, debiased: bool = True) -> Floats:
    """Kullback-Leibler divergence of a window from a reference.

    Args:
        reference: `(..., b)` counts, at least 0.
        window: `(..., b)` counts.
        debiased: Take off what chance alone would give, `(cells - 1) / 2 * (1 / n + 1 / N)`.

    Returns:
        `(...,)` nats; NaN where one side has no rows.

    Raises:
        InvalidInputError: Shapes differ, or a count is below 0.

    >>> kl_divergence(np.array([500.0, 500.0]), np.array([80.0, 20.0])).round(4).item()
    0.1832
    """
    old, new, seen = _smoothed(reference, window)
    raw = _kl(new, old)
    return raw - _chance(reference, window, seen) if debiased else raw


def shift_in_sd(kl: Floats) -> Floats:
    """The shift of a normal mean, in standard deviations, that has such a divergence; 0 below 0.

    >>> shift_in_sd(np.array([0.1, -0.02])).round(3).tolist()
    [0.447, 0.0]
    """
    return np.asarray(np.sqrt(2 * np.maximum(kl, 0.0)))


def psi(reference: Floats, window: Floats) -> Floats:
    """Population stability index: the divergences both ways, added.

    Args:
        reference: `(..., b)` counts, at least 0.
        window: `(..., b)` counts.

    Raises:
        InvalidInputError: Shapes differ, or a count is below 0.
    """
    old, new, _ = _smoothed(reference, window)
    return _kl(new, old) + _kl(old, new)


def jensen_shannon(reference: Floats, window: Floats) -> Floats:
    """Jensen-Shannon distance, the root of the divergence in nats.

    Args:
        reference: `(..., b)` counts, at least 0.
        window: `(..., b)` counts.

    Raises:
        InvalidInputError: Shapes differ, or a count is below 0.

    Source:
        Endres and Schindelin (2003), IEEE Trans. Inf. Theory 49:1858-1860.
    """
    old, new, _ = _smoothed(reference, window)
    return _jensen_shannon(old, new)


def hellinger(reference: Floats, window: Floats) -> Floats:
    """Hellinger distance, in [0, 1].

    Args:
        reference: `(..., b)` counts, at least 0.
        window: `(..., b)` counts.

    Raises:
        InvalidInputError: Shapes differ, or a count is below 0.
    """
    old, new, _ = _smoothed(reference, window)
    return _hellinger(old, new)


def total_variation(reference: Floats, window: Floats) -> Floats:
    """Largest difference in the share of any set of bins, in [0, 1].

    Args:
        reference: `(..., b)` counts, at least 0.
        window: `(..., b)` counts.

    Raises:
        InvalidInputError: Shapes differ, or a count is below 0.
    """
    old, new, _ = _smoothed(reference, window)
    return np.asarray(0.5 * np.abs(new - old).sum(axis=-1))


def all_distances(reference: Floats, window: Floats) -> Distances:
    """Every distance of counts in one pass.

    Args:
        reference: `(..., b)` counts, at least 0.
        window: `(..., b)` counts.

    Raises:
        InvalidInputError: Shapes differ, or a count is below 0.
    """
    old, new, seen = _smoothed(reference, window)
    forward, test = _kl(new, old), g_test(reference, window)
    kl = forward - _chance(reference, window, seen)
    return Distances(
        kl,
        shift_in_sd(kl),
        forward + _kl(old, new),
        _jensen_shannon(old, new),
        _hellinger(old, new),
        np.asarray(0.5 * np.abs(new - old).sum(axis=-1)),
        test.statistic,
        test.p_value,
        seen.sum(axis=-1),
    )


def kl_contributions(reference: Floats, window: Floats) -> Floats:
    """What each bin adds to the divergence (nothing taken off); the sum is exact.

    Args:
        reference: `(..., b)` counts, at least 0.
        window: `(..., b)` counts.

    Returns:
        `(..., b)` nats, each at least 0: `p log(p / q) - p + q`.

    Raises:
        InvalidInputError: Shapes differ, or a count is below 0.
    """
    old, new, _ = _smoothed(reference, window)
    return np.asarray(special.kl_div(new, old))


def chance_of_exceeding(
    threshold: float, *, window_rows: float, reference_rows: float, cells: int, debiased: bool = True
) -> float:
    """How often the divergence of a window exceeds a threshold though nothing has changed.

    Args:
        threshold: Of `kl_divergence`, in nats.
        window_rows: Rows of the window, above 0.
        reference_rows: Rows of the reference, above 0.
        cells: Bins that are not empty, at least 1.
        debiased: As it was for the divergence.

    Returns:
        A share of windows, by the chi-square law; for rows that are independent.

    Raises:
        InvalidInputError: A bound above does not hold.

    Source:
        Wilks (1938), as for `g_test`.

    >>> round(chance_of_exceeding(0.05, window_rows=100, reference_rows=10_000, cells=10), 3)
    0.026
    """
    if not (window_rows > 0 and reference_rows > 0 and cells >= 1):
        raise InvalidInputError(
            f"rows must be above 0 and cells at least 1, got {window_rows}, {reference_rows} and {cells}"
        )
    rate = 1 / window_rows + 1 / reference_rows
    raw = threshold + (cells - 1) / 2 * rate * debiased
    if cells == 1:
        return float(raw < 0)
    return float(special.chdtrc(cells - 1, max(0.0, 2 * raw / rate)))


def ordered_distances(reference: Histogram, window: Histogram) -> OrderedDistances:
    """Kolmogorov-Smirnov and Wasserstein distances of the finite values, cell by cell.

    Values outside the reference's middle 98 % count at most one such span away, and the scale is the standard
    deviation of the reference with its ends drawn in likewise: no single value hides a shift or makes one.

    Args:
        reference: With finite values.
        window: With finite values.

    Raises:
        InvalidInputError: One has none.

    >>> from smallcraft.stats.histograms import count_values
    >>> old = count_values(np.random.default_rng(1).normal(50, 1, 5000))
    >>> new = count_values(np.random.default_rng(2).normal(50.5, 1, 5000))
    >>> round(ordered_distances(old, new).wasserstein_sd, 1)
    0.5
    """
    if not (reference.finite and window.finite):
        raise InvalidInputError(
            f"distances of values need some on both sides, got {reference.finite} and {window.finite}"
        )
    keys = np.union1d(reference.keys, window.keys)
    old, new = _shares_at(reference, keys), _shares_at(window, keys)
    apart = np.abs(np.cumsum(new - old))
    places = _drawn_in(reference, cell_middles(keys))
    centre = float(old @ places)
    deviation = float(np.sqrt(old @ (places - centre) ** 2))
    way = float(apart[:-1] @ np.diff(places))
    return OrderedDistances(
        min(1.0, float(apart.max())), way / deviation if deviation > 0 else (np.inf if way > 0 else 0.0)
    )


def _drawn_in(reference: Histogram, places: Floats) -> Floats:
    ends = quantiles(reference, np.array([_END_SHARE, 1 - _END_SHARE]))
    low, high = float(ends.low[0]), float(ends.high[1])
    span = high - low
    return np.clip(places, low - span, high + span)


def _shares_at(histogram: Histogram, keys: NDArray[np.int32]) -> Floats:
    shares = np.zeros(len(keys))
    shares[np.searchsorted(keys, histogram.keys)] = histogram.counts / histogram.finite
    return shares


def _smoothed(reference: Floats, window: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Shares of both sides with half a count added to each bin that is not empty on both."""
    require_counts(reference, window)
    seen = (reference > 0) | (window > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        old, new = (
            np.where(
                side.sum(axis=-1, keepdims=True) > 0,
                (side + 0.5 * seen) / (side + 0.5 * seen).sum(axis=-1, keepdims=True),
                np.nan,
            )
            for side in (reference, window)
        )
    return old, new, seen


def _kl(of: Floats, from_: Floats) -> Floats:
    return np.asarray(special.rel_entr(of, from_).sum(axis=-1))


def _jensen_shannon(old: Floats, new: Floats) -> Floats:
    middle = (old + new) / 2
    return np.asarray(np.sqrt(np.maximum((_kl(old, middle) + _kl(new, middle)) / 2, 0.0)))


def _hellinger(old: Floats, new: Floats) -> Floats:
    return np.asarray(np.sqrt(np.maximum(1 - np.sqrt(old * new).sum(axis=-1), 0.0)))


def _chance(reference: Floats, window: Floats, seen: NDArray[np.bool_]) -> Floats:
    with np.errstate(divide="ignore"):
        rate = 1 / window.sum(axis=-1) + 1 / reference.sum(axis=-1)
    return np.asarray((seen.sum(axis=-1) - 1) / 2 * rate)
