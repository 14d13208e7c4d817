"""Teachers of a student: several rungs' answers to rows they never saw, mixed, and a large model's logged.

One fold is judged: the student that answers for it must know nothing of its labels, its teachers included.
So each teacher is trained once for every other fold, without that fold and without the judged one. It answers
for its own fold; for the judged fold, which none of them saw, they answer together.
Leaves to others: training a teacher (`rungs.student`) and the student (`models.tuning.distiller`).
Always: what a teacher says of a row outside the judged fold knows neither the row's fold nor the judged one.
(Teachers that had seen the judged fold would flatter a student by points: docs/experiments.md.)
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
    vocabulary_margin: int | None = 15_000
    teacher_share: float = 0.5
    embedding_share: float = 1.0


@dataclass(frozen=True)
class Lesson:
    """One training of each teacher.

    Attributes:
        fold: The fold that they answer for.
        held: `(n,)` bool, the rows that they must not see: the fold's and the judged one's.
    """

    fold: int
    held: NDArray[np.bool_]


def plan_lessons(folds: NDArray[np.int64]) -> tuple[Lesson, ...]:
    """A lesson for every fold but the first, which is judged.

    Args:
        folds: `(n,)` numbers, three different ones at least.

    Raises:
        InvalidInputError: There are fewer folds: teachers would have no rows to learn from.
    """
    judged, *others = np.unique(folds).tolist()
    if len(others) < 2:
        raise InvalidInputError(
            f"a student needs rows in at least 3 folds, got {len(others) + 1}; give more rows or folds"
        )
    return tuple(Lesson(fold, np.isin(folds, [judged, fold])) for fold in others)


def gather_answers(
    lessons: Sequence[Lesson], answers: Sequence[NDArray[np.float64]], folds: NDArray[np.int64]
) -> NDArray[np.float64]:
    """A teacher's logits for every row, from those of its trainings.

    Args:
        lessons: As `plan_lessons` gives them.
        answers: For each lesson `(m, k)` logits of its held rows, in order.
        folds: `(n,)`.

    Returns:
        `(n, k)`; for rows of the judged fold the mean over the lessons.
    """
    logits = np.zeros((len(folds), answers[0].shape[1]))
    for lesson, answer in zip(lessons, answers, strict=True):
        own = folds[lesson.held] == lesson.fold
        logits[folds == lesson.fold] = answer[own]
        logits[folds == folds.min()] += answer[~own] / len(lessons)
    return logits


def mix_teachers(
    logits: Sequence[NDArray[np.float64]],
    labels: NDArray[np.int64],
    *,
    judged: NDArray[np.bool_] | None = None,
    logged: NDArray[np.float64] | None = None,
) -> NDArray[np.float32]:
    """What the teachers say of every row.

    The rungs' logits are added with the weights of the lowest log-loss; where a large model had answered,
    its probabilities count as much as theirs.

    Args:
        logits: For each teacher `(n, k)` logits of rows that it did not see.
        labels: `(n,)` codes, which the weights are fitted to.
        judged: `(n,)` bool, rows whose labels must not even reach the weights; None for no such rows.
        logged: `(n, k)` probabilities that a large model gave, rows of NaN where it was not asked.

    Returns:
        `(n, k)` probabilities.

    Raises:
        InvalidInputError: The logged answers are not of these rows and classes.

    >>> sure = np.array([[4.0, 0.0], [0.0, 4.0]])
    >>> np.round(mix_teachers([sure], np.array([0, 1]), logged=np.array([[0.0, 1.0], [np.nan] * 2]))[0], 1)
    array([0.5, 0.5], dtype=float32)
    """
    known = np.ones(len(labels), np.bool_) if judged is None else ~judged
    probs = softmax(mix_logits(fit_mix([stage[known] for stage in logits], labels[known]), logits))
    if logged is not None:
        if logged.shape != probs.shape:
            raise InvalidInputError(
                f"a teacher's probabilities must be (rows, classes) = {probs.shape}, got {logged.shape}; "
                "give one row for each training row and one column for each class"
            )
        answered = ~np.isnan(logged).any(axis=1)
        probs[answered] = (probs[answered] + logged[answered]) / 2
    return probs.astype(np.float32)
