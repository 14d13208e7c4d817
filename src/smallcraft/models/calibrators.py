"""Fits calibrators to probabilities out of fold, and keeps one only where it is shown to help.

A calibrator is compared with none (the temperature alone) on rows that it was not fitted to, fold by fold.
Always: none is kept unless its log-loss is lower with the stated confidence and no right answer is lost; a
threshold or a limit may then be fitted to probabilities that no row's own label has touched.
Left to others: temperature and mix (`models.calibrate`); how a calibrator is applied (`bundle/calibrators`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression, minimize

from smallcraft.bundle.calibrators.calibrator import Calibrator
from smallcraft.bundle.calibrators.isotonic import Isotonic
from smallcraft.bundle.calibrators.vector import Vector
from smallcraft.bundle.decoder import softmax

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
_LEAST = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class Calibrated:
    """A choice of calibrator.

    Attributes:
        calibrator: Fitted to every row; None where the temperature is enough.
        probs: `(n, k)` float64, each row corrected by what was fitted to the other folds.
    """

    calibrator: Calibrator | None
    probs: Floats


def choose_calibrator(probs: Floats, labels: Codes, folds: Codes, *, confidence: float) -> Calibrated:
    """The calibrator with the lowest log-loss on rows it was not fitted to; none on a tie.

    Args:
        probs: `(n, k)` out of fold, with the temperature applied.
        labels: `(n,)` codes.
        folds: `(n,)`; rows of one fold are held out together.
        confidence: One-sided, of a lower log-loss, in (0.5, 1).
    """
    best, kept = _losses(probs, labels), Calibrated(None, probs)
    if len(np.unique(folds)) < 2:
        return kept
    for fit in FITS.values():
        held_out = _correct_by_fold(fit, probs, labels, folds)
        losses = _losses(held_out, labels)
        costs_right_answers = _right(held_out, labels) < _right(probs, labels)
        if not costs_right_answers and _is_lower(losses, best, confidence):
            best, kept = losses, Calibrated(fit(probs, labels), held_out)
    return kept


def fit_vector(probs: Floats, labels: Codes) -> Vector:
    """Weights and biases with the lowest log-loss, drawn towards 1 and 0 by as much as one row weighs."""
    n, k = probs.shape
    log_probs = np.log(np.maximum(probs, _LEAST))
    rows = np.arange(n)

    def loss(line: Floats) -> tuple[float, Floats]:
        weights, biases = line[:k], line[k:]
        found = softmax(log_probs * weights + biases)
        away = line - start
        value = -float(np.log(np.maximum(found[rows, labels], _LEAST)).sum()) + float(away @ away)
        found[rows, labels] -= 1
        slope = np.concatenate([(found * log_probs).sum(axis=0), found.sum(axis=0)]) + 2 * away
        return value / n, slope / n

    start = np.concatenate([np.ones(k), np.zeros(k)])
    line = minimize(loss, start, jac=True, method="L-BFGS-B").x
    return Vector(tuple(line[:k].tolist()), tuple(line[k:].tolist()))


def fit_isotonic(probs: Floats, labels: Codes) -> Isotonic:
    """For each class the rising map with the least squared error, never below one row's share."""
    maps = [_rising_map(probs[:, code], labels == code) for code in range(probs.shape[1])]
    return Isotonic(tuple(knots for knots, _ in maps), tuple(values for _, values in maps))


FITS: Mapping[str, Callable[[Floats, Codes], Calibrator]] = {
    "vector": fit_vector,
    "isotonic": fit_isotonic,
}


def _rising_map(column: Floats, is_class: NDArray[np.bool_]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    knots, place, counts = np.unique(column, return_inverse=True, return_counts=True)
    shares = np.bincount(place, weights=is_class) / counts
    found = isotonic_regression(shares, weights=counts)
    # A step is a line from its first to its last probability; what lies between them says nothing more.
    edges = np.unique(np.concatenate([found.blocks[:-1], found.blocks[1:] - 1]))
    values = np.clip(found.x[edges], 1 / (len(column) + 1), 1.0)
    return tuple(knots[edges].tolist()), tuple(np.maximum.accumulate(values).tolist())


def _correct_by_fold(
    fit: Callable[[Floats, Codes], Calibrator], probs: Floats, labels: Codes, folds: Codes
) -> Floats:
    corrected = np.empty_like(probs)
    for fold in np.unique(folds):
        held = folds == fold
        corrected[held] = fit(probs[~held], labels[~held]).apply(probs[held])
    return corrected


def _losses(probs: Floats, labels: Codes) -> Floats:
    losses: Floats = -np.log(np.maximum(probs[np.arange(len(labels)), labels], _LEAST))
    return losses


def _right(probs: Floats, labels: Codes) -> int:
    return int((probs.argmax(axis=1) == labels).sum())


def _is_lower(losses: Floats, than: Floats, confidence: float) -> bool:
    """Whether the mean difference, row by row, is below zero with this confidence."""
    difference = losses - than
    spread = float(difference.std()) / np.sqrt(len(difference))
    return bool(difference.mean() + NormalDist().inv_cdf(confidence) * spread < 0)
