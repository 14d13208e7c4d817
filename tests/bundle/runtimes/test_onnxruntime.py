"""Whole numbers are added exactly on every processor, also on one without VNNI, which is emulated here."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tests.conftest import require, why_no_program
from tests.models.tinybert import CONFIG, make_weights

import smallcraft
from smallcraft.bundle.runtimes import onnxruntime
from smallcraft.models.graph import build_encoder_graph
from smallcraft.models.quantize import quantize_encoder

SOURCE = str(Path(smallcraft.__file__).parents[1])
EMULATOR = "qemu-x86_64"
# Sums of a graph's product, with the way that is taken by itself and with that of processors with VNNI.
SCRIPT = """
import json, sys
import numpy as np
from smallcraft.bundle.runtimes import onnxruntime

def sums():
    rows = np.array(json.loads(sys.argv[2]), dtype=np.uint8)
    session = onnxruntime.open_session(open(sys.argv[1], "rb").read(), {})
    return session.run(None, {"a": rows})[0].tolist()

is_exact, careful = onnxruntime.adds_exactly(), sums()
onnxruntime.adds_exactly = lambda: True
print(json.dumps([is_exact, careful, sums()]))
"""


def product(weights: np.ndarray) -> bytes:
    """A graph that multiplies rows of uint8 by signed weights."""
    rows, columns = weights.shape
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["a", "b"], ["y"])],
        "g",
        [helper.make_tensor_value_info("a", TensorProto.UINT8, [None, rows])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [None, columns])],
        [numpy_helper.from_array(weights, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return model.SerializeToString()


def test_the_probe_is_the_largest_sum_of_two_products():
    model = onnx.load_from_string(onnxruntime._PROBE)
    onnx.checker.check_model(model)
    [node] = model.graph.node
    weights = numpy_helper.to_array(model.graph.initializer[0])
    assert (node.op_type, weights.dtype, set(weights.ravel().tolist())) == ("MatMulInteger", np.int8, {127})
    assert int(255 * weights.astype(int).sum()) == onnxruntime._PROBE_SUM


def test_both_ways_give_an_encoder_the_same_bits(monkeypatch):
    model = quantize_encoder(build_encoder_graph(make_weights(), CONFIG)).SerializeToString()
    ids = np.random.default_rng(0).integers(0, 20, (4, 9)).astype(np.int32)
    feed = {"input_ids": ids, "mask": np.ones_like(ids)}
    found = []
    for is_exact in (onnxruntime.adds_exactly(), False):
        monkeypatch.setattr(onnxruntime, "adds_exactly", lambda is_exact=is_exact: is_exact)
        found.append(onnxruntime.open_session(model, {}).run(["embedding"], feed)[0])
    assert found[0].tobytes() == found[1].tobytes()


@pytest.mark.slow
def test_a_processor_without_vnni_is_found_out_and_adds_exactly(tmp_path):
    require(None if platform.machine() == "x86_64" else "such processors are of the kind x86_64")
    require(why_no_program(EMULATOR, "qemu-user"))
    rng = np.random.default_rng(1)
    weights = rng.integers(-128, 128, (96, 32)).astype(np.int8)
    rows = rng.integers(0, 256, (3, 96)).astype(np.uint8)
    (tmp_path / "product.onnx").write_bytes(product(weights))
    command = [EMULATOR, "-cpu", "Haswell", sys.executable, "-c", SCRIPT]
    done = subprocess.run(
        [*command, str(tmp_path / "product.onnx"), json.dumps(rows.tolist())],
        env={"PYTHONPATH": SOURCE, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    is_exact, careful, careless = json.loads(done.stdout)
    known = (rows.astype(int) @ weights.astype(int)).tolist()
    assert not is_exact
    assert careful == known
    assert careless != known
