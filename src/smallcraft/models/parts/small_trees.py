"""Fits a small ensemble of shallow trees under a larger one: labels of rows, and its word on rows near them.

A row that people labelled keeps its label: a teacher that has not seen it knows less of it than the label
says (docs/experiments.md). Beside each stands a mixed row, with a tenth of its columns from other rows, that
the teacher labels: there it knows more than anybody.
Leaves to others: the larger ensemble (`rungs.trees`), a booster and its graph (`parts.trees`).
Always: columns of one category move together; the small ensemble has at most two fifths of the teacher's
leaves, and fewer where rows held out say that fewer are enough.
Not covered: a size by the user's choice.

Source:
    Bucila, Caruana and Niculescu-Mizil (2006), Model compression, section 3 (mixing values of near rows; here
    those of any row, in few columns).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import lightgbm
import numpy as np
import onnx
from numpy.typing import NDArray

from smallcraft.bundle.decoder import softmax
from smallcraft.models.parts.trees import Shares, ensemble_to_onnx, fit_booster
from smallcraft.records import Task

Boosters = tuple[lightgbm.Booster, ...]

_MIXED_SHARE = 0.1
_LEAF_SHARE = 0.4
# By rows of adult held out, three draws (docs/experiments.md).
_SMALL: Mapping[str, Any] = {"num_leaves": 16, "learning_rate": 0.12}


@dataclass(frozen=True)
class TaughtRows:
    """What small trees learn from.

    Attributes:
        values: `(n, width)` float32, NaN where missing.
        targets: `(n, k)` float64: probabilities in [0, 1]; of a regression numbers.
    """

    values: NDArray[np.float32]
    targets: NDArray[np.float64]


def labelled_rows(task: Task, values: NDArray[np.float32], labels: NDArray[Any], k: int) -> TaughtRows:
    """Rows with the labels that people gave.

    Args:
        task: What the labels are.
        values: `(n, width)`.
        labels: The task's.
        k: Number of outputs.
    """
    return TaughtRows(values, _GIVEN[task](labels, k))


def mixed_rows(
    task: Task,
    values: NDArray[np.float32],
    teacher: Callable[[NDArray[np.float32]], NDArray[np.float64]],
    *,
    columns: Sequence[slice],
    seed: int,
) -> TaughtRows:
    """As many rows, each near one of those given, with what the teacher says of them.

    Args:
        task: What the teacher's logits are.
        values: `(n, width)`.
        teacher: From rows to `(n, k)` logits.
        columns: Places of `values` that move together.
        seed: Says which columns of which rows change, and whose value they take.
    """
    rng = np.random.default_rng([seed, 9])
    mixed = values.copy()
    for places in columns:
        rows = np.flatnonzero(rng.random(len(values)) < _MIXED_SHARE)
        mixed[rows, places] = values[rng.integers(len(values), size=len(rows)), places]
    return TaughtRows(mixed, _TOLD[task](teacher(mixed)))


def leaves_allowed(teacher: bytes) -> int:
    """Two fifths of the leaves of a graph that `parts.trees` wrote."""
    (node,) = onnx.load_from_string(teacher).graph.node
    modes = next(attribute.strings for attribute in node.attribute if attribute.name == "nodes_modes")
    return int(_LEAF_SHARE * sum(mode == b"LEAF" for mode in modes))


def _one_hot(labels: NDArray[Any], k: int) -> NDArray[np.float64]:
    return np.asarray(np.eye(k)[labels])


_TOLD: Mapping[Task, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "multiclass": softmax,
    "multilabel": lambda logits: 1 / (1 + np.exp(-logits)),
    "regression": lambda logits: logits,
}
_GIVEN: Mapping[Task, Callable[[NDArray[Any], int], NDArray[np.float64]]] = {
    "multiclass": _one_hot,
    "multilabel": lambda labels, _: labels.astype(np.float64),
    "regression": lambda labels, _: labels.astype(np.float64)[:, None],
}


def fit_small_trees(
    rows: TaughtRows,
    near: TaughtRows,
    task: Task,
    seed: int,
    *,
    held: NDArray[np.bool_],
    most_leaves: int,
) -> Boosters:
    """A booster an output; of two classes one in all.

    Args:
        rows: That people labelled.
        near: Mixed rows, one for each of those.
        task: What the targets are.
        seed: Seeds feature and row sampling.
        held: `(n,)` which rows say when to stop; in the end they are trained on.
        most_leaves: Of all boosters together, as `leaves_allowed` says.
    """
    goal = {**_SMALL, "objective": "regression" if task == "regression" else "cross_entropy"}
    outputs = rows.targets.shape[1]
    first = 1 if task == "multiclass" and outputs == 2 else 0
    most = max(most_leaves // (_SMALL["num_leaves"] * (outputs - first)), 1)
    fit = partial(_fit_output, rows, near, goal, seed=seed, held=held, most=most)
    return tuple(fit(at=at) for at in range(first, outputs))


def _fit_output(
    rows: TaughtRows,
    near: TaughtRows,
    goal: Mapping[str, Any],
    *,
    seed: int,
    held: NDArray[np.bool_],
    most: int,
    at: int,
) -> lightgbm.Booster:
    values = np.concatenate([rows.values, near.values])
    target = np.concatenate([rows.targets[:, at], near.targets[:, at]])
    # A mixed row is near its own: both are held out together.
    fitted, stop = np.concatenate([~held, ~held]), (rows.values[held], rows.targets[held, at])
    tried = fit_booster(values[fitted], target[fitted], goal, seed, rounds=most, held_out=stop)
    return fit_booster(values, target, goal, seed, rounds=max(tried.best_iteration, 1))


def small_tree_logits(boosters: Boosters, values: NDArray[np.float32], k: int) -> NDArray[np.float64]:
    """`(n, k)` raw scores."""
    exact = values.astype(np.float64)
    scores = [booster.predict(exact, raw_score=True, num_threads=1) for booster in boosters]
    raw = np.stack([np.asarray(found, dtype=np.float64) for found in scores], axis=1)
    return np.hstack([-raw / 2, raw / 2]) if raw.shape[1] < k else raw


def small_trees_to_onnx(boosters: Boosters, k: int) -> bytes:
    """All boosters as one graph from `columns` to `scores`, `(n, k)`."""
    if len(boosters) < k:
        return ensemble_to_onnx([(boosters[0], _both)], k)
    return ensemble_to_onnx([(found, partial(_onto, at)) for at, found in enumerate(boosters)], k)


def _both(number: int, score: float) -> Shares:  # noqa: ARG001 - the graph's contract
    return ((0, -score / 2), (1, score / 2))


def _onto(output: int, number: int, score: float) -> Shares:  # noqa: ARG001 - the graph's contract
    return ((output, score),)
