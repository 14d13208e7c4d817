"""What each task asks of a candidate: how a linear head is fitted, the constant answer, and the decoder.

Several labels a row are learned one label against the rest, each with a calibration of its own; a number is
learned by ridge regression on the same blocks, and needs no calibration.
Always: a label that no training row has, or every one, is answered so whatever the row says.
Left to others: what is decided by the probabilities (`models.decisions`), classes' heads (`parts.linear`) and
decoder (`models.calibrate`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.linear_model import Ridge

from smallcraft.bundle.decoder import Decoder
from smallcraft.models.calibrate import answered_rows, fit_decoder
from smallcraft.models.decisions import complete_decoder, fit_decider
from smallcraft.models.parts.linear import Fit, Matrix
from smallcraft.models.workshop import Workshop
from smallcraft.records import Task

Logits = Sequence[NDArray[np.float64]]
_PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
_PARTS = 3
_FLATTEST = 1e-3
_FURTHEST = 30.0


@dataclass(frozen=True)
class TaskFits:
    """How a task is fitted.

    Attributes:
        head: From the way a head of classes is fitted to the way this task's is.
        constant: `(k,)` logits of the answer that reads nothing, from labels and `k`.
        decoder: From out-of-fold logits of each stage.
    """

    head: Callable[[Fit], Fit]
    constant: Callable[[NDArray[Any], int], NDArray[np.float64]]
    decoder: Callable[[Logits, Workshop], Decoder]


def head_of(task: Task, fit: Fit) -> Fit:
    """The way to fit this task's head, given that of classes."""
    return TASKS[task].head(fit)


def one_vs_rest(fit: Fit) -> Fit:
    """Fits a head of two classes for every label, and keeps the logit of having it."""

    def fit_labels(matrix: Matrix, labels: NDArray[Any], k: int, seed: int) -> NDArray[np.float64]:
        weights = np.empty((matrix.shape[1] + 1, k))
        for label in range(k):
            two = fit(matrix, labels[:, label], 2, seed)
            weights[:, label] = (two[:, 1] - two[:, 0]) / 2
        return weights

    return fit_labels


def fit_ridge(matrix: Matrix, values: NDArray[Any], k: int, seed: int) -> NDArray[np.float64]:  # noqa: ARG001
    """Least squares with a quadratic penalty; `(width + 1, 1)` float64 weights, the bias last.

    The penalty is the one with the lowest squared error on thirds of these rows held out in turn: a table of
    many rare categories needs a hundred times that of a few numbers.
    """
    spread = float(values.std()) or 1.0
    scaled = (values - values.mean()) / spread
    model = _ridge(_choose_penalty(matrix, scaled, seed)).fit(matrix, scaled)
    weights: NDArray[np.float64] = np.append(model.coef_, model.intercept_)[:, None] * spread
    weights[-1] += values.mean()
    return weights


def _ridge(penalty: float) -> Ridge:
    return Ridge(alpha=penalty, solver="lsqr", tol=1e-8)


def _choose_penalty(matrix: Matrix, values: NDArray[Any], seed: int) -> float:
    if len(values) < _PARTS or matrix.shape[1] == 0:
        return _PENALTIES[0]
    part = np.random.default_rng([seed, 7]).permutation(len(values)) % _PARTS

    def error(penalty: float) -> float:
        residuals = [
            values[part == held]
            - _ridge(penalty).fit(matrix[part != held], values[part != held]).predict(matrix[part == held])
            for held in range(_PARTS)
        ]
        return float(np.mean(np.concatenate(residuals) ** 2))

    return min(_PENALTIES, key=error)


def fit_label_scales(
    logits: NDArray[np.float64], labels: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scale and shift of each label's logit with the lowest log-loss against softened targets.

    Args:
        logits: `(n, k)` float64, out of fold.
        labels: `(n, k)` of 0 and 1.

    Returns:
        `(k,)` scales above 0, and `(k,)` shifts.

    Source:
        Platt (1999), Probabilities for support vector machines, section 2.2.
    """
    fitted = np.array([_fit_label_scale(logits[:, j], labels[:, j]) for j in range(logits.shape[1])])
    return fitted[:, 0], fitted[:, 1]


def _fit_label_scale(logits: NDArray[np.float64], labels: NDArray[Any]) -> NDArray[np.float64]:
    having = int(labels.sum())
    targets = np.where(labels > 0, (having + 1) / (having + 2), 1 / (len(labels) - having + 2))
    unit = float(np.abs(logits).max(initial=0.0)) or 1.0
    scaled = logits / unit

    def loss(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        found = line[0] * scaled + line[1]
        residual = 1 / (1 + np.exp(-found)) - targets
        value = float(np.mean(np.logaddexp(0.0, found) - targets * found))
        return value, np.array([float(np.mean(residual * scaled)), float(np.mean(residual))])

    prior = float(np.log((having + 1) / (len(labels) - having + 1)))
    bounds = [(_FLATTEST, None), (-_FURTHEST, _FURTHEST)]
    line = minimize(loss, np.array([1.0, prior]), jac=True, method="L-BFGS-B", bounds=bounds).x
    return np.array([max(line[0] / unit, _FLATTEST / max(unit, 1.0)), line[1]])


def _log_shares(labels: NDArray[Any], k: int) -> NDArray[np.float64]:
    counts = np.bincount(labels, minlength=k) + 1
    return np.asarray(np.log(counts / counts.sum()))


def _log_odds(labels: NDArray[Any], k: int) -> NDArray[np.float64]:  # noqa: ARG001 - the table's shape
    having = labels.sum(axis=0) + 1
    return np.asarray(np.log(having / (len(labels) + 2 - having)))


def _class_decoder(logits: Logits, workshop: Workshop) -> Decoder:
    fitted = fit_decoder(
        logits, workshop.labels, tolerance=workshop.tolerance, confidence=workshop.confidence
    )
    return complete_decoder(
        fitted,
        logits,
        workshop.labels,
        workshop.classes,
        folds=workshop.folds,
        plan=workshop.decision,
        confidence=workshop.confidence,
        seed=workshop.seed,
    )


def _tag_decoder(logits: Logits, workshop: Workshop) -> Decoder:
    (stage,) = logits
    known = answered_rows(logits)
    scales, shifts = fit_label_scales(stage[known], workshop.labels[known])
    linked = Decoder(1.0, link="sigmoid", scales=tuple(scales.tolist()), shifts=tuple(shifts.tolist()))
    return _deciding(linked, stage, known, workshop)


def _value_decoder(logits: Logits, workshop: Workshop) -> Decoder:
    (stage,) = logits
    return _deciding(Decoder(1.0, link="identity"), stage, answered_rows(logits), workshop)


def _deciding(
    decoder: Decoder, stage: NDArray[np.float64], known: NDArray[np.bool_], workshop: Workshop
) -> Decoder:
    decider = fit_decider(
        workshop.decision,
        decoder.apply(stage[known]),
        workshop.labels[known],
        workshop.classes,
        task=workshop.task,
        seed=workshop.seed,
    )
    return replace(decoder, decider=decider)


TASKS: Mapping[Task, TaskFits] = {
    "multiclass": TaskFits(lambda fit: fit, _log_shares, _class_decoder),
    "multilabel": TaskFits(one_vs_rest, _log_odds, _tag_decoder),
    "regression": TaskFits(
        lambda _: fit_ridge, lambda values, _: np.array([float(values.mean())]), _value_decoder
    ),
}
