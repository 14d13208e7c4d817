"""Fits boosted trees with LightGBM and rewrites them as an ONNX tree ensemble.

Always: a float32 row takes the branch LightGBM gives it: thresholds are rounded down to float32, and a
missing number goes where LightGBM sends it, whether or not training rows had one.
Not covered: numbers within 1e-35 of 0 that are not 0; LightGBM alone takes them for 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import lightgbm
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

Shares = tuple[tuple[int, float], ...]
Place = Callable[[int, float], Shares]

_ROUNDS = 400
_STOP_AFTER = 20
_SETTINGS: Mapping[str, Any] = {
    "learning_rate": 0.06,
    "num_leaves": 31,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.9,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "max_bin": 255,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}


def fit_trees(
    values: NDArray[np.float32],
    labels: NDArray[np.int64],
    n_classes: int,
    seed: int,
    *,
    rounds: int | None = None,
    held_out: tuple[NDArray[np.float32], NDArray[np.int64]] | None = None,
) -> lightgbm.Booster:
    """Boosted trees.

    Args:
        values: `(n, width)` float32, NaN where missing.
        labels: `(n,)` codes.
        n_classes: Number of classes.
        seed: Seeds feature and row sampling.
        rounds: How many trees a class; at most 400 when None.
        held_out: Rows on which boosting stops when the loss has not fallen for 20 rounds.
    """
    goal = {"objective": "binary"} if n_classes == 2 else {"objective": "multiclass", "num_class": n_classes}
    return fit_booster(values, labels, goal, seed, rounds=rounds, held_out=held_out)


def fit_booster(
    values: NDArray[np.float32],
    labels: NDArray[Any],
    goal: Mapping[str, Any],
    seed: int,
    *,
    rounds: int | None = None,
    held_out: tuple[NDArray[np.float32], NDArray[Any]] | None = None,
) -> lightgbm.Booster:
    """As `fit_trees`, for any goal: LightGBM's name of what is minimised, and what belongs to it."""
    data = lightgbm.Dataset(values.astype(np.float64), label=labels)
    return lightgbm.train(
        {**_SETTINGS, **goal, "seed": seed},
        data,
        num_boost_round=rounds or _ROUNDS,
        valid_sets=None if held_out is None else [_held_out_set(held_out, data)],
        callbacks=None if held_out is None else [lightgbm.early_stopping(_STOP_AFTER, verbose=False)],
    )


def _held_out_set(
    held_out: tuple[NDArray[np.float32], NDArray[Any]], data: lightgbm.Dataset
) -> lightgbm.Dataset:
    values, labels = held_out
    return lightgbm.Dataset(values.astype(np.float64), label=labels, reference=data)


def tree_logits(
    booster: lightgbm.Booster, values: NDArray[np.float32], n_classes: int
) -> NDArray[np.float64]:
    """`(n, k)` raw scores of a booster."""
    raw = np.asarray(booster.predict(values.astype(np.float64), raw_score=True, num_threads=1))
    return np.stack([-raw / 2, raw / 2], axis=1) if n_classes == 2 else raw


def trees_to_onnx(booster: lightgbm.Booster, n_classes: int) -> bytes:
    """The ensemble as an ONNX graph from `columns` `(n, width)` float32 to `scores` `(n, k)`.

    Source:
        ONNX operators, ai.onnx.ml TreeEnsembleRegressor version 3.
    """
    place = _two_sided if n_classes == 2 else lambda number, score: ((number % n_classes, score),)
    return ensemble_to_onnx([(booster, place)], n_classes)


def ensemble_to_onnx(parts: Sequence[tuple[lightgbm.Booster, Place]], n_targets: int) -> bytes:
    """Boosters side by side as one graph.

    Args:
        parts: Each with a function from a tree's number and a leaf's score to what the leaf adds to which
            output.
        n_targets: Outputs.
    """
    table, columns_read = _Table(), 1
    for booster, place in parts:
        columns_read = booster.num_feature()
        dump = booster.dump_model(num_iteration=booster.best_iteration or -1)
        for number, tree in enumerate(dump["tree_info"]):
            table.add_tree(tree["tree_structure"], partial(place, number))
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["columns"],
        ["scores"],
        domain="ai.onnx.ml",
        n_targets=n_targets,
        post_transform="NONE",
        aggregate_function="SUM",
        **cast(dict[str, Any], table.attributes),
    )
    columns = helper.make_tensor_value_info("columns", TensorProto.FLOAT, ["rows", columns_read])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", n_targets])
    graph = helper.make_graph([node], "trees", [columns], [scores])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9, producer_name="smallcraft")
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _two_sided(number: int, score: float) -> Shares:  # noqa: ARG001 - two classes, one tree a round
    return (0, -score / 2), (1, score / 2)


class _Table:
    """The operator's parallel lists, one entry a node and one a leaf and output."""

    def __init__(self) -> None:
        self._trees = 0
        self.attributes: dict[str, list[Any]] = {
            f"nodes_{name}": []
            for name in (
                "treeids",
                "nodeids",
                "featureids",
                "values",
                "modes",
                "truenodeids",
                "falsenodeids",
                "missing_value_tracks_true",
            )
        } | {f"target_{name}": [] for name in ("treeids", "nodeids", "ids", "weights")}

    def add_tree(self, root: Mapping[str, Any], place: Callable[[float], Shares]) -> None:
        """Number the nodes in the order they are met, the root first."""
        waiting, next_id, number = [(0, root)], 1, self._trees
        self._trees += 1
        while waiting:
            node_id, node = waiting.pop()
            if "leaf_value" in node:
                self._add_node((number, node_id, 0, 0.0, "LEAF", 0, 0, 0))
                self._add_leaf(number, node_id, place(float(node["leaf_value"])))
                continue
            left, right, next_id = next_id, next_id + 1, next_id + 2
            feature, threshold = int(node["split_feature"]), _float32_below(float(node["threshold"]))
            missing_left = int(_sends_missing_left(node))
            self._add_node((number, node_id, feature, threshold, "BRANCH_LEQ", left, right, missing_left))
            waiting += [(left, node["left_child"]), (right, node["right_child"])]

    def _add_node(self, row: tuple[int, int, int, float, str, int, int, int]) -> None:
        """Values in the order of the attributes."""
        for name, item in zip(list(self.attributes)[:8], row, strict=True):
            self.attributes[name].append(item)

    def _add_leaf(self, tree: int, node: int, shares: Shares) -> None:
        for index, share in shares:
            for name, item in zip(list(self.attributes)[8:], (tree, node, index, share), strict=True):
                self.attributes[name].append(item)


def _sends_missing_left(node: Mapping[str, Any]) -> bool:
    """Where a column had no missing number in training, LightGBM reads a missing one as 0."""
    if node["missing_type"] == "NaN":
        return bool(node["default_left"])
    return float(node["threshold"]) >= 0


def _float32_below(threshold: float) -> float:
    """The largest float32 that is not above a double."""
    with np.errstate(over="ignore"):
        rounded = np.float32(threshold)
    if float(rounded) > threshold:
        rounded = np.nextafter(rounded, np.float32(-np.inf))
    return float(rounded)
