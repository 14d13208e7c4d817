"""How each row is learned: a linear model is trained in epochs, and every row is looked at after each.

Coordinates (mean, variability, area under the margin) are made of this by `stats.cartography`.
Always: rows and seed alone decide; the rows are the model's own training rows, as the sources ask.
Source: Swayamdipta et al. (2020), Dataset Cartography, section 2; Pleiss et al. (2020), AUM, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import SGDClassifier

from smallcraft.bundle.decoder import softmax
from smallcraft.errors import InvalidInputError
from smallcraft.models.parts.linear import Matrix
from smallcraft.models.recipe import LinearRung
from smallcraft.models.rungs import BUILTIN
from smallcraft.models.workshop import Workshop
from smallcraft.stats.label_scores import logit_margin

EPOCHS = 10
_PENALTY = 1e-5


@dataclass(frozen=True)
class TrainingHistory:
    """What was seen of each row after each epoch.

    Attributes:
        self_confidence: `(epochs, n)` float32, the probability of the given label.
        margins: `(epochs, n)` float32, its logit less the highest other one.
    """

    self_confidence: NDArray[np.float32]
    margins: NDArray[np.float32]


def watch_training(rung: str, workshop: Workshop, *, epochs: int = EPOCHS) -> TrainingHistory | None:
    """Train the rung's features under a linear model, and watch every row.

    Returns:
        None for a rung that is no single linear stage.
    """
    found = BUILTIN[rung]
    if not isinstance(found, LinearRung):
        return None
    matrix = found.recipe(workshop).matrix
    return watch_rows(matrix, workshop.labels, len(workshop.classes), epochs=epochs, seed=workshop.seed)


def watch_rows(
    matrix: Matrix, labels: NDArray[np.int64], n_classes: int, *, epochs: int = EPOCHS, seed: int = 0
) -> TrainingHistory:
    """As `watch_training`, from a matrix.

    Args:
        matrix: `(n, width)`, dense or sparse.
        labels: `(n,)` codes in `[0, n_classes)`.
        n_classes: At least 2.
        epochs: Passes over the rows, at least 2.
        seed: Of the order in which rows are met.

    Raises:
        InvalidInputError: Fewer than two epochs or classes.
    """
    if epochs < 2 or n_classes < 2:
        raise InvalidInputError(
            f"training is watched over 2 epochs and 2 classes at least, got {epochs} and {n_classes}"
        )
    model = SGDClassifier(loss="log_loss", alpha=_PENALTY, random_state=seed, average=True)
    rng = np.random.default_rng([seed, 5])
    seen, margins = [], []
    for _ in range(epochs):
        order = rng.permutation(len(labels))
        model.partial_fit(matrix[order], labels[order], classes=np.arange(n_classes))
        logits = _logits(model, matrix)
        probs = softmax(logits)
        seen.append(probs[np.arange(len(labels)), labels].astype(np.float32))
        margins.append(logit_margin(labels, probs).astype(np.float32))
    return TrainingHistory(np.stack(seen), np.stack(margins))


def _logits(model: SGDClassifier, matrix: Matrix) -> NDArray[np.float64]:
    """`(n, k)`; scikit-learn gives one column for two classes."""
    found = np.asarray(model.decision_function(matrix), dtype=np.float64)
    return np.column_stack([-found, found]) if found.ndim == 1 else found
