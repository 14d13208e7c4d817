"""Each pattern's two writings, and plain numpy beside them."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from smallcraft.models.parts.attention import BUILTIN
from smallcraft.models.parts.attention.attention import Projections
from smallcraft.models.parts.attention.window import Window

WIDTH, HEADS, INNER = 16, 2, 12
SHAPES = [(1, 1), (1, 7), (2, 33), (3, 20), (1, 128)]
REACH = 3
PATTERNS = {**BUILTIN, "window": Window(reach=REACH)}


class Collector:
    """The builder's part that patterns use."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, name, array):
        self.constants.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def node(self, op, inputs, output, *, fused=False, **attributes):
        domain = "com.microsoft" if fused else ""
        self.nodes.append(helper.make_node(op, inputs, [output], domain=domain, **attributes))
        return output

    def model(self):
        inputs = [
            helper.make_tensor_value_info("state", TensorProto.FLOAT, ["batch", "tokens", WIDTH]),
            helper.make_tensor_value_info("mask", TensorProto.INT32, ["batch", "tokens"]),
        ]
        output = helper.make_tensor_value_info("a.heads", TensorProto.FLOAT, ["batch", "tokens", INNER])
        graph = helper.make_graph(self.nodes, "pattern", inputs, [output], self.constants)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)


@pytest.fixture(scope="module")
def projections():
    rng = np.random.default_rng(0)
    weight = rng.normal(0, 0.5, (WIDTH, 3 * INNER)).astype(np.float32)
    return Projections(weight, rng.normal(0, 0.5, 3 * INNER).astype(np.float32), HEADS)


def rows(shape, *, seed=0):
    """States, and a mask in which rows of a batch end at different places."""
    rng = np.random.default_rng([seed, *shape])
    lengths = shape[1] - np.arange(shape[0]) * (shape[1] // 3)
    mask = (np.arange(shape[1]) < lengths[:, None]).astype(np.int32)
    return rng.normal(size=(*shape, WIDTH)).astype(np.float32), mask


def parts_of(state, projections):
    """Queries, keys, values: `(batch, heads, tokens, head_width)` in double precision."""
    product = state.astype(np.float64) @ projections.weight + projections.bias
    parted = product.reshape(*state.shape[:2], 3, HEADS, -1)
    return parted.transpose(2, 0, 3, 1, 4)


def as_rows(mixed):
    return mixed.transpose(0, 2, 1, 3).reshape(mixed.shape[0], mixed.shape[2], -1)


def plain(name, state, mask, projections):
    """The pattern's formula, pair by pair."""
    query, key, value = parts_of(state, projections)
    tokens = state.shape[1]
    if name == "linear":
        grow = [np.where(part > 0, part + 1, np.exp(np.minimum(part, 0))) for part in (query, key)]
        shares = grow[0] @ grow[1].transpose(0, 1, 3, 2) * mask[:, None, None, :]
    else:
        scores = query @ key.transpose(0, 1, 3, 2) / np.sqrt(query.shape[-1])
        shares = np.exp(scores - scores.max()) * mask[:, None, None, :]
    if name == "window":
        apart = np.abs(np.arange(tokens)[:, None] - np.arange(tokens))
        shares = np.where(apart <= REACH, shares, 0.0)
    shares = shares / np.maximum(shares.sum(axis=-1, keepdims=True), 1e-300)
    return as_rows(shares @ value)


def run_graph(name, state, mask, projections):
    builder = Collector()
    pattern = PATTERNS[name]
    shared = pattern.prepare(builder, mask="mask")
    made = pattern.emit(builder, projections, state="state", mask="mask", shared=shared, to="a")
    assert made == "a.heads"
    model = builder.model()
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"state": state, "mask": mask})[0]


def test_every_pattern_stands_under_its_own_name():
    assert {name: pattern.name for name, pattern in BUILTIN.items()} == {name: name for name in BUILTIN}


@pytest.mark.parametrize("name", BUILTIN)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_graph_computes_the_formula(name, shape, projections):
    state, mask = rows(shape)
    found, wanted = run_graph(name, state, mask, projections), plain(name, state, mask, projections)
    assert np.abs(found - wanted)[mask.astype(bool)].max() <= 1e-5


@pytest.mark.torch
@pytest.mark.parametrize("name", BUILTIN)
@pytest.mark.parametrize("shape", SHAPES)
def test_torch_computes_what_the_graph_does(name, shape, projections):
    torch = pytest.importorskip("torch")
    state, mask = rows(shape)
    parts = [torch.from_numpy(part) for part in parts_of(state, projections).astype(np.float32)]
    mixed = PATTERNS[name].mix(*parts, torch.from_numpy(mask.astype(bool))).numpy()
    found = run_graph(name, state, mask, projections)
    assert np.abs(as_rows(mixed) - found)[mask.astype(bool)].max() <= 1e-5


@pytest.mark.parametrize("name", BUILTIN)
def test_what_stands_under_the_mask_changes_nothing(name, projections):
    state, mask = rows((2, 33))
    other = state.copy()
    other[~mask.astype(bool)] = 5.0
    before, after = (run_graph(name, each, mask, projections) for each in (state, other))
    assert np.abs(before - after)[mask.astype(bool)].max() <= 1e-6


def test_the_patterns_differ_by_more_than_the_tolerance(projections):
    state, mask = rows((1, 20))
    found = [run_graph(name, state, mask, projections) for name in BUILTIN]
    assert min(np.abs(found[0] - found[1]).max(), np.abs(found[0] - found[2]).max()) > 1e-2
