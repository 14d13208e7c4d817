"""The boosters of a task as one: one for classes, one for each label, one for a number.

Always: how many rounds of boosting pay is found for each booster on rows held out, and kept for all fits.
Left to others: one booster and its graph (`parts.trees`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from smallcraft.models.parts.trees import (
    ensemble_to_onnx,
    fit_booster,
    fit_trees,
    tree_logits,
    trees_to_onnx,
)
from smallcraft.records import Task

Boosters = tuple[lightgbm.Booster, ...]


@dataclass(frozen=True)
class Rows:
    """Rows to fit or to stop by: `(n, width)` float32 values and the task's labels."""

    values: NDArray[np.float32]
    labels: NDArray[Any]


@dataclass(frozen=True)
class Forest:
    """How a task's boosters are fitted, asked and written.

    Attributes:
        fit: From rows, number of outputs, seed, rounds of each booster (None to find them), rows to stop by.
        logits: `(n, k)` float64 raw scores.
        to_onnx: The graph's bytes.
    """

    fit: Callable[[Rows, int, int, Sequence[int] | None, Rows | None], Boosters]
    logits: Callable[[Boosters, NDArray[np.float32], int], NDArray[np.float64]]
    to_onnx: Callable[[Boosters, int], bytes]


def find_rounds(forest: Forest, rows: Rows, held_out: Rows, k: int, *, seed: int) -> NDArray[np.int64]:
    """Rounds of each booster at which the loss on rows held out stops falling, at least 1 each."""
    boosters = forest.fit(rows, k, seed, None, held_out)
    return np.array([max(booster.best_iteration, 1) for booster in boosters], dtype=np.int64)


def _fit_classes(
    rows: Rows, k: int, seed: int, rounds: Sequence[int] | None, held_out: Rows | None
) -> Boosters:
    stop = None if held_out is None else (held_out.values, held_out.labels)
    found = fit_trees(rows.values, rows.labels, k, seed, rounds=rounds[0] if rounds else None, held_out=stop)
    return (found,)


def _fit_labels(
    rows: Rows, k: int, seed: int, rounds: Sequence[int] | None, held_out: Rows | None
) -> Boosters:
    return tuple(
        fit_booster(
            rows.values,
            rows.labels[:, label],
            {"objective": "binary"},
            seed,
            rounds=rounds[label] if rounds else None,
            held_out=None if held_out is None else (held_out.values, held_out.labels[:, label]),
        )
        for label in range(k)
    )


def _fit_value(
    rows: Rows, k: int, seed: int, rounds: Sequence[int] | None, held_out: Rows | None
) -> Boosters:
    assert k == 1, "a regression has one output"
    stop = None if held_out is None else (held_out.values, held_out.labels)
    goal = {"objective": "regression"}
    found = fit_booster(
        rows.values, rows.labels, goal, seed, rounds=rounds[0] if rounds else None, held_out=stop
    )
    return (found,)


def _raw_scores(boosters: Boosters, values: NDArray[np.float32], k: int) -> NDArray[np.float64]:  # noqa: ARG001
    exact = values.astype(np.float64)
    scores = [booster.predict(exact, raw_score=True, num_threads=1) for booster in boosters]
    return np.stack([np.asarray(found, dtype=np.float64) for found in scores], axis=1)


def _side_by_side(boosters: Boosters, k: int) -> bytes:
    return ensemble_to_onnx([(found, partial(_onto, at)) for at, found in enumerate(boosters)], k)


def _onto(output: int, number: int, score: float) -> tuple[tuple[int, float], ...]:  # noqa: ARG001
    return ((output, score),)


FORESTS: Mapping[Task, Forest] = {
    "multiclass": Forest(
        _fit_classes,
        lambda boosters, values, k: tree_logits(boosters[0], values, k),
        lambda boosters, k: trees_to_onnx(boosters[0], k),
    ),
    "multilabel": Forest(_fit_labels, _raw_scores, _side_by_side),
    "regression": Forest(_fit_value, _raw_scores, _side_by_side),
}
