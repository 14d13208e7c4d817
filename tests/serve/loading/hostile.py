"""Bundles as an attacker would write them: every digest is right, and what it lists is harmful."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from smallcraft.bundle.layout import BundleWriter
from smallcraft.bundle.selfcheck import GOLDEN

ROWS, NUMBERS, CLASSES = 4, 2, 2


def write_graph_bundle(
    folder: Path,
    model: bytes,
    files: Mapping[str, bytes] | None = None,
    *,
    numbers: NDArray[np.float64] | None = None,
    golden: NDArray[np.float64] | None = None,
) -> Path:
    """Two numbers through a graph from `columns` to `scores`, and a self-check that says what it likes."""
    writer = BundleWriter(folder)
    head = {"kind": "trees", "file": writer.add("heads/only.onnx", model)}
    for path, data in (files or {}).items():
        writer.add(path, data)
    arrays = {
        "texts": np.array([""] * ROWS),
        "numbers": np.zeros((ROWS, NUMBERS)) if numbers is None else numbers,
        "categories": np.array([], dtype=np.str_),
        "probs": np.full((ROWS, CLASSES), 0.5) if golden is None else golden,
    }
    writer.add_arrays(GOLDEN, arrays)
    block = {"kind": "columns", "numbers": NUMBERS, "categories": []}
    writer.finish(
        {
            "classes": ["no", "yes"],
            "decoder": {"scale": 1.0, "threshold": 0.0, "mix": None},
            "inputs": {"text": None, "numbers": ["x", "y"], "categories": []},
            "stages": [{"name": "only", "blocks": [block], "head": head}],
        }
    )
    return folder


def harmless_graph() -> bytes:
    return _model([helper.make_node("Identity", ["columns"], ["scores"])])


def foreign_graph() -> bytes:
    """An operator that needs code of its own."""
    node = helper.make_node("Steal", ["columns"], ["scores"], domain="evil.example")
    return _model([node], domains=("evil.example",))


def huge_graph() -> bytes:
    """A few bytes that ask for 8 TiB."""
    shape = numpy_helper.from_array(np.array([1 << 20, 1 << 21], dtype=np.int64), "shape")
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["filled"]),
        helper.make_node("ReduceSum", ["filled"], ["total"], keepdims=0),
        helper.make_node("Add", ["columns", "total"], ["scores"]),
    ]
    return _model(nodes, [shape])


def endless_graph() -> bytes:
    """Counts to 2^62 at the first row, or at none."""
    kinds = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go_on"], ["goes_on"]),
            helper.make_node("Identity", ["was"], ["is"]),
        ],
        "body",
        [
            kinds("turn", TensorProto.INT64, []),
            kinds("go_on", TensorProto.BOOL, []),
            kinds("was", TensorProto.FLOAT, ["n", NUMBERS]),
        ],
        [kinds("goes_on", TensorProto.BOOL, []), kinds("is", TensorProto.FLOAT, ["n", NUMBERS])],
    )
    turns = numpy_helper.from_array(np.array(1 << 62, dtype=np.int64), "turns")
    always = numpy_helper.from_array(np.array(True), "always")
    node = helper.make_node("Loop", ["turns", "always", "columns"], ["scores"], body=body)
    return _model([node], [turns, always])


def outside_graph(location: str) -> bytes:
    """Its weights are in a file that it names itself."""
    weights = TensorProto()
    weights.name, weights.data_type, weights.data_location = "w", TensorProto.FLOAT, TensorProto.EXTERNAL
    weights.dims.extend([NUMBERS, CLASSES])
    for key, value in (("location", location), ("offset", "0"), ("length", "16")):
        entry = weights.external_data.add()
        entry.key, entry.value = key, value
    return _model([helper.make_node("MatMul", ["columns", "w"], ["scores"])], [weights])


def _model(nodes, initializers=(), *, domains=()) -> bytes:
    graph = helper.make_graph(
        nodes,
        "hostile",
        [helper.make_tensor_value_info("columns", TensorProto.FLOAT, ["n", NUMBERS])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", CLASSES])],
        list(initializers),
    )
    imports = [helper.make_opsetid("", 17), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=imports, ir_version=9).SerializeToString()
