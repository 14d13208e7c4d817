"""Teachers of a student: out-of-fold answers of several rungs, mixed, and what a large model had answered.

Leaves to others: training a teacher (its rung) and the student (`models.tuning.distiller`).
Always: what a teacher says of a row comes from models that did not see the row's fold; a teacher that fitted
its rows would only repeat their labels.
Not covered: a teacher of another fold did see a held-out fold's labels, so what it says of its own rows knows
a little of them; out-of-fold quality of a student is flattered by that (docs/experiments.md has by how much).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.decoder import mix_logits, softmax
from smallcraft.errors import InvalidInputError
from smallcraft.models.calibrate import fit_mix


@dataclass(frozen=True)
class StudentPlan:
    """What a student is made of and whom it believes.

    Attributes:
        keep_layers: Numbers of the backbone's layers that it keeps, ascending; None for all of them. Numbers
            that the backbone does not have are passed over.
        vocabulary_margin: How many pieces stay beside those that the texts need; None keeps them all.
        teacher_share: Weight of the teachers' probabilities beside the labels, in [0, 1].
        embedding_share: Weight of one minus the cosine with the backbone's own embedding, which saw no label:
            for a student that lost layers.
    """

    keep_layers: tuple[int, ...] | None = (0, 2, 5)
    vocabulary_margin: int | None = 16_000
    teacher_share: float = 0.5
    embedding_share: float = 1.0


def mix_teachers(
    logits: Sequence[NDArray[np.float64]],
    labels: NDArray[np.int64],
    *,
    logged: NDArray[np.float64] | None = None,
) -> NDArray[np.float32]:
    """What the teachers say of every row.

    The rungs' logits are added with the weights of the lowest log-loss; where a large model had answered,
    its probabilities count as much as theirs.

    Args:
        logits: For each teacher `(n, k)` out-of-fold logits.
        labels: `(n,)` codes, which the weights are fitted to.
        logged: `(n, k)` probabilities that a large model gave, rows of NaN where it was not asked.

    Returns:
        `(n, k)` probabilities.

    Raises:
        InvalidInputError: The logged answers are not of these rows and classes.

    >>> sure = np.array([[4.0, 0.0], [0.0, 4.0]])
    >>> np.round(mix_teachers([sure], np.array([0, 1]), logged=np.array([[0.0, 1.0], [np.nan] * 2]))[0], 1)
    array([0.5, 0.5], dtype=float32)
    """
    probs = softmax(mix_logits(fit_mix(logits, labels), logits))
    if logged is not None:
        if logged.shape != probs.shape:
            raise InvalidInputError(
                f"a teacher's probabilities must be (rows, classes) = {probs.shape}, got {logged.shape}; "
                "give one row for each training row and one column for each class"
            )
        answered = ~np.isnan(logged).any(axis=1)
        probs[answered] = (probs[answered] + logged[answered]) / 2
    return probs.astype(np.float32)
