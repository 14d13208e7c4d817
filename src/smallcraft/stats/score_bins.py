"""Scores counted into 256 bins, by slice and class: the ROC area of many slices in one pass over the rows.

Rows of one bin are taken for ties, so an area differs from the exact one by at most half the pairs that meet
in a bin; that bound is given with it. Bins hold about equal numbers of rows.
Always: the variance is DeLong's of the binned scores; a slice with rows of one class has NaN.
Left to others: the area without bins (`stats.auroc`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from smallcraft.errors import InvalidInputError
from smallcraft.stats.auroc import areas_of_groups
from smallcraft.stats.intervals import normal_quantile, two_sided_tail
from smallcraft.stats.share_bounds import exact_bounds

Floats = NDArray[np.float64]

SCORE_BINS = 256
_SAMPLE = 1 << 16


@dataclass(frozen=True)
class BinnedAreas:
    """Areas of some slices, arrays `(s,)`.

    Attributes:
        value: Area of the binned scores; NaN with rows of one class only.
        low: Lower end of the interval.
        high: Upper end.
        bound: How far the exact area of the same rows can be from `value`.
        rows: Rows of the slice.
    """

    value: Floats
    low: Floats
    high: Floats
    bound: Floats
    rows: NDArray[np.int64]


def bin_scores(scores: Floats, *, bins: int = SCORE_BINS) -> NDArray[np.int64]:
    """Bin of each score, higher scores in higher bins; equal scores share one.

    Args:
        scores: `(n,)` float64, n at least 1.
        bins: How many at most.

    Returns:
        `(n,)` int64 in `[0, bins)`. Their edges are quantiles of at most 65,536 rows, evenly spaced.
    """
    sample = np.sort(scores[:: max(1, len(scores) // _SAMPLE)])
    edges = np.unique(sample[np.arange(1, bins) * len(sample) // bins])
    return np.searchsorted(edges, scores, side="right").astype(np.int64)


def count_score_bins(
    is_positive: NDArray[np.bool_],
    bins: NDArray[np.int64],
    slice_codes: NDArray[np.int64],
    n_slices: int,
    *,
    n_bins: int = SCORE_BINS,
) -> Floats:
    """Negative and positive rows of each bin and slice, `(s, 2, bins)`, in one pass.

    Args:
        is_positive: `(n,)` bool.
        bins: `(n,)` int64 in `[0, n_bins)`.
        slice_codes: `(n,)` int64 in `[0, n_slices)`; slices do not overlap, unions are sums of tables.
        n_slices: Number of slices.
        n_bins: Number of bins.

    Raises:
        InvalidInputError: Lengths differ.
    """
    if not len(is_positive) == len(bins) == len(slice_codes):
        raise InvalidInputError(
            "truth, bins and slices need one entry a row, got lengths "
            f"{[len(is_positive), len(bins), len(slice_codes)]}"
        )
    keys = (slice_codes * 2 + is_positive) * n_bins + bins
    counts = np.bincount(keys, minlength=n_slices * 2 * n_bins)
    return counts.reshape(n_slices, 2, n_bins).astype(np.float64)


def binned_roc_areas(table: Floats, *, level: float = 0.95) -> BinnedAreas:
    """Areas with DeLong's intervals on the logit scale, widened by what the bins may hide.

    Args:
        table: `(s, 2, bins)` from `count_score_bins`.
        level: Coverage as a fraction in (0, 1).

    >>> areas = binned_roc_areas(np.array([[[2.0, 1.0], [1.0, 2.0]]]))
    >>> round(float(areas.value[0]), 4), round(float(areas.bound[0]), 4)
    (0.6667, 0.2222)
    """
    negatives, positives = table[:, 0], table[:, 1]
    all_negative, all_positive = negatives.sum(axis=1), positives.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        value, below, above = areas_of_groups(positives, negatives)
        bound = 0.5 * (positives * negatives).sum(axis=1) / (all_positive * all_negative)
        variance = _spread(positives, below, value) / all_positive
        variance += _spread(negatives, above, value) / all_negative
        low, high = _logit_bounds(value, variance, np.minimum(all_positive, all_negative), level)
    return BinnedAreas(
        value,
        np.clip(low - bound, 0.0, value),
        np.clip(high + bound, value, 1.0),
        bound,
        (all_negative + all_positive).astype(np.int64),
    )


def _spread(counts: Floats, values: Floats, mean: Floats) -> Floats:
    """Sample variance of the rows of one class."""
    away = counts * (values - mean[:, None]) ** 2
    return np.asarray(away.sum(axis=1) / np.maximum(counts.sum(axis=1) - 1, 1))


def _logit_bounds(value: Floats, variance: Floats, pairs: Floats, level: float) -> tuple[Floats, Floats]:
    reach = normal_quantile(two_sided_tail(level)) * np.sqrt(variance) / (value * (1 - value))
    low, high = special.expit(special.logit(value) - reach), special.expit(special.logit(value) + reach)
    perfect, _ = exact_bounds(pairs, pairs, level=level)
    low = np.where(value == 1, perfect, np.where(value == 0, 0.0, low))
    high = np.where(value == 0, 1 - perfect, np.where(value == 1, 1.0, high))
    few = pairs < 2
    return np.where(few & (pairs > 0), 0.0, low), np.where(few & (pairs > 0), 1.0, high)
