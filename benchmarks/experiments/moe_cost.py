"""What onnxruntime's operators for experts cost beside a dense feed-forward block of the same active work."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from scipy.special import erf

from smallcraft.models.quantize import quantize_encoder

WIDTH, INNER = 384, 1536
TOKENS = (1, 16, 128)
_FUSED = "com.microsoft"


def random_experts(n_experts: int, seed: int = 0) -> list[np.ndarray]:
    """Weights and biases, `(experts, out, in)` and `(experts, out)`, of both products."""
    rng = np.random.default_rng(seed)
    shapes = ((n_experts, INNER, WIDTH), (n_experts, INNER), (n_experts, WIDTH, INNER), (n_experts, WIDTH))
    return [rng.normal(0, 0.05, shape).astype(np.float32) for shape in shapes]


def dense_graph(weights):
    """The block of the encoder graph: product, fused activation, product, bias."""
    grow, grow_bias, shrink, shrink_bias = (part[0] for part in weights)
    constants = {"w1": grow.T, "b1": grow_bias, "w2": shrink.T, "b2": shrink_bias}
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["grown"], "grown"),
        helper.make_node("FastGelu", ["grown", "b1"], ["active"], "active", domain=_FUSED),
        helper.make_node("MatMul", ["active", "w2"], ["shrunk"], "shrunk"),
        helper.make_node("Add", ["shrunk", "b2"], ["y"], "y"),
    ]
    return _model(nodes, constants)


def experts_graph(weights, *, taken: int):
    """onnxruntime's float operator, `taken` experts a token."""
    constants = dict(zip(("w1", "b1", "w2", "b2"), weights, strict=True))
    node = helper.make_node(
        *("MoE", ["x", "router", *constants], ["y"], "experts"),
        domain=_FUSED,
        k=taken,
        activation_type="gelu",
        normalize_routing_weights=1,
    )
    return _model([node], constants, experts=len(weights[0]))


def rounded_experts_graph(weights, *, bits: int):
    """onnxruntime's operator over rounded weights, one expert a token."""
    grow, grow_bias, shrink, shrink_bias = weights
    (w1, s1), (w2, s2) = (round_rows(part, bits) for part in (grow, shrink))
    constants = {"w1": w1, "s1": s1, "b1": grow_bias, "w2": w2, "s2": s2, "b2": shrink_bias}
    node = helper.make_node(
        *("QMoE", ["x", "router", *constants], ["y"], "experts"),
        domain=_FUSED,
        k=1,
        activation_type="gelu",
        normalize_routing_weights=1,
        expert_weight_bits=bits,
    )
    return _model([node], constants, experts=len(grow))


def round_rows(weights: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Unsigned codes around the middle, a scale a row; two codes a byte for 4 bits."""
    middle = 2 ** (bits - 1)
    scale = np.abs(weights).max(axis=2) / (middle - 1)
    codes = (np.rint(weights / scale[..., None]) + middle).astype(np.uint8)
    packed = codes if bits == 8 else codes[..., 0::2] | (codes[..., 1::2] << 4)
    return packed.astype(np.uint8), scale.astype(np.float32)


def reference(state: np.ndarray, router: np.ndarray, weights) -> np.ndarray:
    """Each token by the expert with the highest score, in double precision."""
    grow, grow_bias, shrink, shrink_bias = (part.astype(np.float64) for part in weights)
    rows = []
    for row, expert in zip(state, router.argmax(axis=1), strict=True):
        grown = grow[expert] @ row + grow_bias[expert]
        rows.append(shrink[expert] @ (grown * (1 + erf(grown / np.sqrt(2))) / 2) + shrink_bias[expert])
    return np.stack(rows)


def open_graph(model) -> onnxruntime.InferenceSession:
    """On one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def measure(rounds: int) -> dict[str, object]:
    """CPU-microseconds a call, and how far each operator is from the formula."""
    weights = {n: random_experts(n) for n in (1, 4, 16)}
    graphs = {
        "dense fp32": dense_graph(weights[1]),
        "dense int8": quantize_encoder(dense_graph(weights[1])),
        "MoE, 1 of 1": experts_graph(weights[1], taken=1),
        "MoE, 1 of 4": experts_graph(weights[4], taken=1),
        "MoE, 1 of 16": experts_graph(weights[16], taken=1),
        "MoE, 4 of 4": experts_graph(weights[4], taken=4),
        "QMoE 8 bits, 1 of 4": rounded_experts_graph(weights[4], bits=8),
        "QMoE 4 bits, 1 of 4": rounded_experts_graph(weights[4], bits=4),
    }
    sessions = {name: open_graph(graph) for name, graph in graphs.items()}
    times = {
        tokens: time_calls({name: _caller(session, tokens) for name, session in sessions.items()}, rounds)
        for tokens in TOKENS
    }
    return {
        "cpu_us_a_call": {f"{tokens} tokens": found for tokens, found in times.items()},
        "greatest_difference_from_the_formula": {
            name: _difference(sessions[name], weights[4]) for name in sessions if name.endswith("1 of 4")
        },
    }


def time_calls(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, dict[str, float]]:
    """Median and least CPU-microseconds a call, the kinds taking turns."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    repeats = {name: _repeats(call) for name, call in calls.items()}
    for _ in range(rounds):
        for name, call in calls.items():
            before = time.process_time_ns()
            for _ in range(repeats[name]):
                call()
            found[name].append((time.process_time_ns() - before) / repeats[name] / 1000)
    return {
        name: {"median": round(statistics.median(taken), 1), "least": round(min(taken), 1)}
        for name, taken in found.items()
    }


def _repeats(call: Callable[[], object]) -> int:
    """Calls in about 20 ms."""
    call()
    before = time.process_time()
    for _ in range(3):
        call()
    return max(1, int(0.02 / max((time.process_time() - before) / 3, 1e-5)))


def _caller(session: onnxruntime.InferenceSession, tokens: int) -> Callable[[], object]:
    feed = _feed(session, tokens)
    return lambda: session.run(None, feed)


def _feed(session: onnxruntime.InferenceSession, tokens: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(tokens)
    feed = {"x": rng.normal(size=(tokens, WIDTH)).astype(np.float32)}
    for known in session.get_inputs():
        if known.name == "router":
            feed["router"] = rng.normal(size=(tokens, known.shape[1])).astype(np.float32)
    return feed


def _difference(session: onnxruntime.InferenceSession, weights) -> float:
    feed = _feed(session, 16)
    found = session.run(None, feed)[0]
    return float(np.abs(found - reference(feed["x"], feed["router"], weights)).max())


def _model(nodes, constants, *, experts: int = 0):
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["tokens", WIDTH])]
    if experts:
        inputs.append(helper.make_tensor_value_info("router", TensorProto.FLOAT, ["tokens", experts]))
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["tokens", WIDTH])
    kept = [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "block", inputs, [output], kept)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(_FUSED, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)
