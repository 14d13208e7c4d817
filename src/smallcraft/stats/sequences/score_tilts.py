"""Has a batch of rows moved from a reference by more than a tolerance: for rows that come in no order.

A value is scored by the normal quantile of its place in the reference, so that a score is standard normal
while nothing has changed, and a shift is told in standard deviations whatever the column's law. Tests and
bets are against "moved by at most the tolerance", so a difference that is real and small raises nothing,
however many rows there are.
Always: one wild value has one extreme score; p-values count the rows of the reference as well as those of the
batch; larger tolerance, larger p-value.
Left to others: many columns at once (`stats.multiplicity`).
Not covered: rows that hang together (clusters, time): then the windows of `stats.sequences.window_streams`.
Source: van der Waerden (1952), Indagationes Mathematicae 14:453-458, for the scores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy import special

from smallcraft.errors import InvalidInputError
from smallcraft.stats.histograms import Histogram
from smallcraft.stats.share_tests import g_test

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ScoreShift:
    """How the scores of a batch lie beside those of the reference.

    Attributes:
        shift_sd: Mean score of the batch, in standard deviations of the reference's scores.
        spread_ratio: Root mean square of the batch's scores about their mean, over the reference's.
        n: Rows of the batch with a finite value.
        reference_n: Such rows of the reference.
        kurtosis: Fourth moment of the reference's scores over the square of the second; 3 for a normal shape.
    """

    shift_sd: float
    spread_ratio: float
    n: int
    reference_n: int
    kurtosis: float = 3.0

    @property
    def standard_error(self) -> float:
        """Of `shift_sd`, while nothing has changed."""
        return float(np.sqrt(1 / self.n + 1 / self.reference_n))


def score_shift(reference: Histogram, batch: Histogram) -> ScoreShift | None:
    """Scores of a batch by their places in a reference.

    Args:
        reference: Its finite values set the scores.
        batch: Its finite values are scored.

    Returns:
        None where one of the two has no finite value, or the reference only one kind of value.

    >>> from smallcraft.stats.histograms import count_values
    >>> rng = np.random.default_rng(3)
    >>> found = score_shift(count_values(rng.normal(size=20000)), count_values(rng.normal(0.3, 1, 20000)))
    >>> round(found.shift_sd, 1), round(found.spread_ratio, 1)
    (0.3, 1.0)
    """
    if len(reference.keys) < 2 or not batch.finite:
        return None
    below = np.concatenate([[0], np.cumsum(reference.counts)]).astype(np.float64)
    own = _scores((below[:-1] + below[1:]) / 2, below[-1])
    left, right = (np.searchsorted(reference.keys, batch.keys, side=side) for side in ("left", "right"))
    theirs = _scores((below[left] + below[right]) / 2, below[-1])
    centre = float(reference.counts @ own) / reference.finite
    spread = float(np.sqrt(reference.counts @ (own - centre) ** 2 / reference.finite))
    mean = float(batch.counts @ theirs) / batch.finite
    away = float(np.sqrt(batch.counts @ (theirs - mean) ** 2 / batch.finite))
    kurtosis = float(reference.counts @ (own - centre) ** 4) / (reference.finite * spread**4)
    return ScoreShift((mean - centre) / spread, away / spread, batch.finite, reference.finite, kurtosis)


def shift_p_value(found: ScoreShift, *, tolerance_sd: float = 0.0) -> float:
    """Two-sided p-value against "shifted by at most the tolerance".

    Args:
        found: Of `score_shift`.
        tolerance_sd: In standard deviations, at least 0.

    Raises:
        InvalidInputError: The tolerance is below 0.

    >>> shift = ScoreShift(0.1, 1.0, 1000, 100_000)
    >>> round(shift_p_value(shift), 4), round(shift_p_value(shift, tolerance_sd=0.05), 2)
    (0.0017, 0.12)
    """
    _require_tolerance(tolerance_sd)
    beyond = (abs(found.shift_sd) - tolerance_sd) / found.standard_error
    return float(min(1.0, 2 * special.ndtr(-beyond)))


def spread_p_value(found: ScoreShift, *, tolerance_sd: float = 0.0) -> float:
    """Two-sided p-value against "spread changed by at most the tolerance".

    Args:
        found: Of `score_shift`.
        tolerance_sd: Of the logarithm of the ratio, at least 0.

    Raises:
        InvalidInputError: The tolerance is below 0.
    """
    _require_tolerance(tolerance_sd)
    if found.spread_ratio == 0:
        return 1.0 if found.n < 2 else 0.0
    # The logarithm of a standard deviation, by the delta method: half the variance of a mean if normal.
    error = found.standard_error * np.sqrt(max(found.kurtosis - 1, 0.5) / 4)
    beyond = (abs(np.log(found.spread_ratio)) - tolerance_sd) / error
    return float(min(1.0, 2 * special.ndtr(-beyond)))


def change_p_values(reference: Floats, batch: Floats, *, tolerance_sd: float = 0.0) -> Floats:
    """P-values against "no bin-wise change larger than a shift by the tolerance", over many columns.

    A shift of d standard deviations has a divergence of d squared halves; the likelihood-ratio statistic of
    such a change is noncentral chi-square by that much.

    Args:
        reference: `(..., b)` counts, bins from the reference.
        batch: `(..., b)` counts.
        tolerance_sd: In standard deviations, at least 0.

    Returns:
        `(...,)`; NaN where one side has no rows.

    Raises:
        InvalidInputError: Shapes differ, a count or the tolerance is below 0.

    >>> old, new = np.array([5000.0, 5000.0]), np.array([540.0, 460.0])
    >>> change_p_values(old, new).round(3).item(), change_p_values(old, new, tolerance_sd=0.1).round(2).item()
    (0.016, 0.73)
    """
    _require_tolerance(tolerance_sd)
    test = g_test(reference, batch)
    if tolerance_sd == 0:
        return test.p_value
    n, reference_n = batch.sum(axis=-1), reference.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        offset = tolerance_sd**2 / (1 / n + 1 / reference_n)
        tail = scipy.stats.ncx2.sf(test.statistic, np.maximum(test.freedom, 1), offset)
    tail = np.where(test.freedom == 0, 1.0, tail)
    return np.where(np.isnan(test.statistic), np.nan, np.clip(tail, 0.0, 1.0))


def log_tilt_evidence(found: ScoreShift, *, tolerance_sd: float, sizes: tuple[float, ...]) -> Floats:
    """Logarithms of e-values against "shifted by at most the tolerance": likelihood ratios of larger shifts.

    Batches one after the other add up, and feed detectors. A reference of N rows is itself off by about
    `1 / sqrt(N)`; the tolerance must be well above that, or the e-values of many batches repeat its error.

    Args:
        found: Of `score_shift`.
        tolerance_sd: In standard deviations, at least `3 / sqrt(reference_n)`.
        sizes: Shifts to bet on, each above the tolerance.

    Returns:
        `(2 s,)`: rises by each size, then falls by each.

    Raises:
        InvalidInputError: The tolerance is too small for the reference, or a size is not above it.

    >>> shift = ScoreShift(0.5, 1.0, 100, 100_000)
    >>> log_tilt_evidence(shift, tolerance_sd=0.1, sizes=(0.5,)).round(2).tolist()
    [8.0, -32.0]
    """
    least = 3 / np.sqrt(found.reference_n)
    if tolerance_sd < least or min(sizes) <= tolerance_sd:
        raise InvalidInputError(
            f"a reference of {found.reference_n} rows needs a tolerance of at least {least:.3g} sd and sizes "
            f"above it, got {tolerance_sd:g} and {list(sizes)}"
        )
    bets = np.asarray(sizes)
    total = found.shift_sd * found.n
    offset = found.n * (bets**2 - tolerance_sd**2) / 2
    return np.concatenate([(bets - tolerance_sd) * side * total - offset for side in (1, -1)])


def _scores(places: Floats, rows: float) -> Floats:
    """Normal quantiles of mid-ranks; the ends are half a row in."""
    return np.asarray(special.ndtri(np.clip(places, 0.5, rows - 0.5) / rows))


def _require_tolerance(tolerance_sd: float) -> None:
    if not tolerance_sd >= 0:
        raise InvalidInputError(f"a tolerance is at least 0 standard deviations, got {tolerance_sd:g}")
