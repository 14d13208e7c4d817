"""How far probabilities can be believed: expected calibration error, Brier score, log-loss.

ECE is over the confidence of the predicted class in 15 bins of equal numbers of rows (of equal-width bins a
good model leaves most empty). It is never shown alone: Brier and log-loss stand beside it.
Always: a truth code of -1 (a label the model does not know) is wrong with any answer; it costs the log-loss
of probability zero, clipped at the machine's epsilon.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.records import Interval
from smallcraft.stats.intervals import require_fraction

ECE_BINS = 15
_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class CalibrationError:
    """Expected calibration error with its interval."""

    value: float
    interval: Interval


def log_losses(truth: NDArray[np.int64], probs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Negative log-probability of the truth, row by row, in nats.

    Args:
        truth: `(n,)` int64 codes, -1 for a label that is none of the classes.
        probs: `(n, k)` float64, rows sum to 1.

    Returns:
        `(n,)` float64, at most 36.04.

    >>> log_losses(np.array([0, 1]), np.array([[0.5, 0.5], [1.0, 0.0]])).round(2).tolist()
    [0.69, 36.04]
    """
    return np.asarray(-np.log(np.clip(_truth_probability(truth, probs), _EPSILON, 1.0)))


def brier_losses(truth: NDArray[np.int64], probs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared distance of the probabilities from the truth, summed over classes, row by row: 0 to 2.

    Source:
        Brier (1950), Monthly Weather Review 78:1-3. For two classes it is twice the one-column form.

    >>> brier_losses(np.array([0]), np.array([[0.75, 0.25]])).tolist()
    [0.125]
    """
    return np.asarray(np.sum(probs**2, axis=1) - 2 * _truth_probability(truth, probs) + 1)


def expected_calibration_error(
    confidence_of_row: NDArray[np.float64],
    right: NDArray[np.bool_],
    *,
    level: float = 0.95,
    rng: np.random.Generator,
    clusters: NDArray[np.int64] | None = None,
    replicates: int = 2000,
) -> CalibrationError:
    """Mean over bins of |share right - mean confidence|, with an interval that covers a perfect model too.

    A resampled ECE is biased upwards, twice. By the triangle inequality the plug-in value is off by no more
    than the weighted noise of the bins, whose quantile is drawn from normals; the interval is the value
    plus and minus that quantile, cut at 0 and 1. It is wide rather than wrong.

    Args:
        confidence_of_row: `(n,)` float64 probability of the predicted class, n at least 1.
        right: `(n,)` bool.
        level: Coverage as a fraction in (0, 1).
        rng: Source of the draws.
        clusters: `(n,)` int64, equal for rows that belong together.
        replicates: How many draws.

    Raises:
        InvalidInputError: No rows, or a level outside (0, 1).

    Source:
        Naeini, Cooper, Hauskrecht (2015), AAAI; Roelofs et al. (2022), AISTATS, for equal-mass bins.
    """
    require_fraction(level, "level")
    n = len(confidence_of_row)
    if n == 0:
        raise InvalidInputError("calibration needs at least one row, got none; leave it unmeasured")
    bins = equal_mass_bins(confidence_of_row, ECE_BINS)
    gaps = right - confidence_of_row
    means = np.bincount(bins, weights=gaps, minlength=ECE_BINS) / n
    value = float(np.abs(means).sum())
    doubt = confidence_of_row * (1 - confidence_of_row)
    stated = np.asarray(np.bincount(bins, weights=doubt, minlength=ECE_BINS), dtype=np.float64)
    noise = _bin_noise(gaps, bins, stated, clusters)
    draws = np.abs(rng.standard_normal((replicates, noise.shape[0])) @ noise).sum(axis=1)
    reach = float(np.quantile(draws, level))
    return CalibrationError(value, Interval(max(0.0, value - reach), min(1.0, value + reach)))


def equal_mass_bins(values: NDArray[np.float64], n_bins: int) -> NDArray[np.int64]:
    """Bin of each row so that bins hold equal numbers of rows; equal values share a bin.

    >>> equal_mass_bins(np.array([0.1, 0.9, 0.5, 0.5]), 2).tolist()
    [0, 1, 0, 0]
    """
    order = np.sort(values)
    first = np.searchsorted(order, values, side="left")
    last = np.searchsorted(order, values, side="right") - 1
    return np.asarray((first + last) // 2 * n_bins // len(values), dtype=np.int64)


def _bin_noise(
    gaps: NDArray[np.float64],
    bins: NDArray[np.int64],
    stated: NDArray[np.float64],
    clusters: NDArray[np.int64] | None,
) -> NDArray[np.float64]:
    """A square root of the covariance of the weighted bin gaps: standard normals times it are draws.

    No bin counts as less noisy than a model that means its confidence would make it (`stated`, the sum of
    p (1 - p)): a bin whose few rows were all right shows no spread of its own.
    """
    n = len(gaps)
    sizes = np.maximum(np.bincount(bins, minlength=ECE_BINS), 1)
    residual = gaps - (np.bincount(bins, weights=gaps, minlength=ECE_BINS) / sizes)[bins]
    if clusters is None:
        sums = np.bincount(bins, weights=residual**2, minlength=ECE_BINS)
        sums = np.maximum(sums * sizes / np.maximum(sizes - 1, 1), stated)
        return np.asarray(np.diag(np.sqrt(sums)) / n)
    codes = np.unique(clusters, return_inverse=True)[1]
    groups = int(codes.max()) + 1
    table = np.bincount(codes * ECE_BINS + bins, weights=residual, minlength=groups * ECE_BINS)
    table = table.reshape(groups, ECE_BINS)
    covariance = table.T @ table * (groups / max(groups - 1, 1))
    covariance += np.diag(np.maximum(stated - np.diag(covariance), 0))
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))).T / n)


def _truth_probability(truth: NDArray[np.int64], probs: NDArray[np.float64]) -> NDArray[np.float64]:
    known = truth >= 0
    picked = probs[np.arange(len(truth)), np.where(known, truth, 0)]
    return np.where(known, picked, 0.0)
