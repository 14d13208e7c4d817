"""Fits linear heads with scikit-learn: a margin head for sparse rows, a logistic head for dense ones.

Always: a class that no training row has gets a logit below every other.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from smallcraft.bundle.encoded import Dense, Encoded, Sparse
from smallcraft.bundle.heads.linear import LinearHead, exact_weights, quantize_weights
from smallcraft.models.forms import Form

Matrix: TypeAlias = Any  # NDArray[np.float64] | scipy.sparse.csr_matrix; scipy carries no types
Fit = Callable[[Matrix, NDArray[np.int64], int, int], NDArray[np.float64]]

_ABSENT = -30.0
_MARGIN_COST = 1.0
_LOGISTIC_COST = 2.0
MOST_ITERATIONS = 150


def design_matrix(parts: Sequence[Sequence[Encoded]]) -> Matrix:
    """Blocks side by side, parts one below the other: `(n, width)`, sparse when any block is.

    Args:
        parts: For each block, its matrix for each part of the rows.
    """
    columns = [[_as_matrix(block) for block in block_parts] for block_parts in parts]
    if all(isinstance(block, Dense) for block_parts in parts for block in block_parts):
        return np.hstack([np.vstack(column) for column in columns])
    return sp.csr_matrix(
        sp.hstack([sp.vstack([sp.csr_matrix(part) for part in column]) for column in columns])
    )


def _as_matrix(block: Encoded) -> Matrix:
    if isinstance(block, Sparse):
        shape = (len(block.offsets) - 1, block.width)
        return sp.csr_matrix((block.values.astype(np.float64), block.columns, block.offsets), shape=shape)
    return block.values.astype(np.float64)


def fit_margin(matrix: Matrix, labels: NDArray[np.int64], n_classes: int, seed: int) -> NDArray[np.float64]:
    """A linear support-vector machine, one class against the rest.

    Returns:
        `(width + 1, n_classes)` float64 weights, the bias last.
    """
    model = LinearSVC(C=_MARGIN_COST, random_state=seed, max_iter=MOST_ITERATIONS)
    return _fit(model, matrix, labels, n_classes)


def fit_logistic(matrix: Matrix, labels: NDArray[np.int64], n_classes: int, seed: int) -> NDArray[np.float64]:
    """Multinomial logistic regression; shape as in `fit_margin`."""
    model = LogisticRegression(C=_LOGISTIC_COST, max_iter=MOST_ITERATIONS, random_state=seed)
    return _fit(model, matrix, labels, n_classes)


def _fit(
    model: LinearSVC | LogisticRegression, matrix: Matrix, labels: NDArray[np.int64], n_classes: int
) -> NDArray[np.float64]:
    present = np.unique(labels)
    weights = np.zeros((matrix.shape[1] + 1, n_classes))
    weights[-1] = _ABSENT
    if len(present) == 1:
        weights[-1, present] = 0.0
        return weights
    with warnings.catch_warnings():
        # The number of iterations is the budget; reaching it is no fault.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(matrix, labels)
    coefficients = np.vstack([model.coef_.T, model.intercept_])
    weights[:, present] = np.hstack([-coefficients, coefficients]) if len(present) == 2 else coefficients
    return weights


def linear_logits(matrix: Matrix, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(n, k)` logits of exact weights."""
    return np.asarray(matrix @ weights[:-1] + weights[-1])


def make_linear_head(
    weights: NDArray[np.float64], widths: Sequence[tuple[int, bool]], *, form: Form = "int8"
) -> LinearHead:
    """The runtime's head from fitted weights.

    Args:
        weights: `(width + 1, k)` as `fit_margin` gives them.
        widths: For each block its width and whether it is sparse: sparse ones are rounded to INT8.
        form: In `fp32` none is rounded.
    """
    parts, start = [], 0
    for width, is_sparse in widths:
        part = weights[start : start + width]
        parts.append(quantize_weights(part) if is_sparse and form == "int8" else exact_weights(part))
        start += width
    return LinearHead(weights[-1].astype(np.float32), tuple(parts))
