import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from smallcraft.bundle.layout import BundleWriter
from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.costs.parameters import count_initializers, count_parameters

LEARNED = {TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT8, TensorProto.FLOAT16, TensorProto.DOUBLE}


def graph_of(*arrays):
    tensors = [numpy_helper.from_array(array, f"t{i}") for i, array in enumerate(arrays)]
    node = helper.make_node("Identity", ["t0"], ["out"], note="a string", numbers=[1.5, 2.5], one=7)
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, [3, 4])
    return helper.make_model(helper.make_graph([node], "g", [], [out], tensors))


def test_initializers_are_counted_as_onnx_counts_them():
    model = graph_of(
        np.zeros((300, 4), np.float32),
        np.zeros((5, 2, 3), np.int8),
        np.zeros(7, np.float16),
        np.float32(1.0).reshape(()),
        np.zeros(11, np.int64),
    )
    model.graph.initializer[1].ClearField("raw_data")
    model.graph.initializer[1].data_location = TensorProto.EXTERNAL
    model.graph.initializer[1].external_data.add(key="location", value="weights.bin")
    wanted = sum(
        int(np.prod(tensor.dims)) for tensor in model.graph.initializer if tensor.data_type in LEARNED
    )
    assert wanted == 1200 + 30 + 7 + 1
    assert count_initializers(model.SerializeToString()) == wanted
    assert count_initializers(onnx.ModelProto().SerializeToString()) == 0


def test_dimensions_packed_or_not_are_read_alike():
    def model(tensor):
        graph = bytes([0x2A, len(tensor), *tensor])
        return bytes([0x3A, len(graph), *graph])

    is_float = (0x10, 1)
    assert count_initializers(model([0x0A, 3, 0xAC, 0x02, 4, *is_float])) == 300 * 4
    assert count_initializers(model([0x08, 0xAC, 0x02, 0x08, 4, *is_float])) == 300 * 4


def test_bytes_that_are_no_graph_are_refused():
    model = graph_of(np.zeros((300, 4), np.float32)).SerializeToString()
    with pytest.raises(InvalidInputError, match="ends within a"):
        count_initializers(model[:-3])
    with pytest.raises(InvalidInputError, match="ends within a field"):
        count_initializers(bytes([0x3A, 9, 0]))
    with pytest.raises(InvalidInputError, match="kind 0, 1, 2 and 5, got 3"):
        count_initializers(b"\x0b")
    with pytest.raises(InvalidInputError, match="ends within a number"):
        count_initializers(b"\x80")


def write_bundle(root, *, head="linear", with_encoder=False):
    writer = BundleWriter(root)
    weights = {"values0": np.zeros((50, 3), np.int8), "scale0": np.ones(3, np.float32), "bias": np.ones(3)}
    vocabulary = {"codes": np.arange(99, dtype=np.int64), "idf": np.ones(50, np.float32)}
    table = writer.add("embeddings.bin", np.zeros((10, 4), np.uint8).tobytes())
    blocks = [
        {"kind": "ngram", "vocabulary": writer.add_arrays("ngram.npz", vocabulary)},
        {"kind": "static", "table": table, "shape": [10, 4]},
    ]
    if with_encoder:
        graph = graph_of(np.zeros((10, 4), np.uint8), np.zeros((4, 4), np.float32)).SerializeToString()
        path = writer.add("encoder.onnx", graph)
        blocks.append({"kind": "encoder", "model": path, "weights": [table, "weights.bin"]})
    writer.add_arrays("selfcheck.npz", {"probs": np.zeros((32, 3))})
    head_spec = {"kind": head, "file": writer.add_arrays("heads/one.npz", weights), "blocks": 2}
    writer.finish({"stages": [{"name": "one", "blocks": blocks, "head": head_spec}]})
    return root


def test_learned_numbers_are_counted_and_vocabularies_are_not(tmp_path):
    found = count_parameters(write_bundle(tmp_path / "b"))
    assert found.value == (150 + 3 + 3) + 50 + 40
    assert (found.name, found.unit, found.n) == ("parameters", "count", 3)


def test_a_table_that_the_encoder_shares_is_counted_once(tmp_path):
    alone = count_parameters(write_bundle(tmp_path / "a")).value
    both = count_parameters(write_bundle(tmp_path / "b", with_encoder=True)).value
    assert both == alone + 16


def test_what_cannot_be_counted_says_why(tmp_path):
    trees = count_parameters(write_bundle(tmp_path / "b", head="trees"))
    assert trees.value is None
    assert "splits and leaves, not weights" in trees.detail
    (tmp_path / "b" / "bundle.json").write_bytes(b"x")
    assert "no bundle whose layout is known" in count_parameters(tmp_path / "b").detail
    assert count_parameters(tmp_path / "absent").value is None
    (write_bundle(tmp_path / "c") / "heads" / "one.npz").write_bytes(b"x")
    assert count_parameters(tmp_path / "c").detail.endswith("could not be read (BadZipFile)")


def test_every_array_is_counted_as_numpy_reads_it(tmp_path):
    root = write_bundle(tmp_path / "b")
    total = 0
    for name in ("ngram.npz", "heads/one.npz"):
        with np.load(root / name) as arrays:
            total += sum(a.size for a in arrays.values() if a.dtype.kind == "f" or a.dtype.itemsize == 1)
    assert count_parameters(root).value == total + 40
