"""Fits boosted trees with LightGBM and rewrites them as an ONNX tree ensemble.

Always: a float32 row takes the branch LightGBM gives it: thresholds are rounded down to float32, and a
missing number goes where LightGBM sends it, whether or not training rows had one.
Not covered: numbers within 1e-35 of 0 that are not 0; LightGBM alone takes them for 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import lightgbm
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

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
    data = lightgbm.Dataset(values.astype(np.float64), label=labels)
    return lightgbm.train(
        {**_SETTINGS, **goal, "seed": seed},
        data,
        num_boost_round=rounds or _ROUNDS,
        valid_sets=None if held_out is None else [_held_out_set(held_out, data)],
        callbacks=None if held_out is None else [lightgbm.early_stopping(_STOP_AFTER, verbose=False)],
    )


def _held_out_set(
    held_out: tuple[NDArray[np.float32], NDArray[np.int64]], data: lightgbm.Dataset
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
    table = _Table(n_classes)
    dump = booster.dump_model(num_iteration=booster.best_iteration or -1)
    for number, tree in enumerate(dump["tree_info"]):
        table.add_tree(number, tree["tree_structure"], number % (1 if n_classes == 2 else n_classes))
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["columns"],
        ["scores"],
        domain="ai.onnx.ml",
        n_targets=n_classes,
        post_transform="NONE",
        aggregate_function="SUM",
        **cast(dict[str, Any], table.attributes),
    )
    columns = helper.make_tensor_value_info("columns", TensorProto.FLOAT, ["rows", booster.num_feature()])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", n_classes])
    graph = helper.make_graph([node], "trees", [columns], [scores])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9, producer_name="smallcraft")
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


class _Table:
    """The operator's parallel lists, one entry a node and one a leaf and class."""

    def __init__(self, n_classes: int) -> None:
        self.n_classes = n_classes
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

    def add_tree(self, number: int, root: Mapping[str, Any], target: int) -> None:
        """Number the nodes in the order they are met, the root first."""
        waiting, next_id = [(0, root)], 1
        while waiting:
            node_id, node = waiting.pop()
            if "leaf_value" in node:
                self._add_node((number, node_id, 0, 0.0, "LEAF", 0, 0, 0))
                self._add_leaf(number, node_id, target, float(node["leaf_value"]))
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

    def _add_leaf(self, tree: int, node: int, target: int, score: float) -> None:
        shares = [(0, -score / 2), (1, score / 2)] if self.n_classes == 2 else [(target, score)]
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
