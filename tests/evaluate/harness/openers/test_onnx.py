from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, external_data_helper, helper, load, numpy_helper, save
from tests.evaluate.harness.openers.toy_models import (
    LABELS,
    names,
    number_questions,
    text_questions,
    write_graph,
    write_linear_graph,
    write_text_graph,
)

from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.evaluate.harness.openers import BUILTIN, onnx_graph
from smallcraft.evaluate.harness.openers.opener import OpenedModel, OpenOptions

FLOAT, STRING, INT = TensorProto.FLOAT, TensorProto.STRING, TensorProto.INT64


def opened(path: object, **options: object) -> OpenedModel:
    return BUILTIN["onnx"].open(str(path), OpenOptions(**options))


def value(name: str, kind: int, shape: list[int | None]) -> object:
    return helper.make_tensor_value_info(name, kind, shape)


def test_a_matrix_of_features_in_order_and_the_classes_of_the_classifier(tmp_path):
    model = opened(write_linear_graph(tmp_path / "m.onnx", features=2))
    found = model.answer(number_questions(a=[1.0, -1.0, 3.0], b=[0.0, 0.0, 9.0]))
    assert found.classes == ("neg", "pos")
    assert names(found) == ["pos", "neg", "pos"]
    assert found.probs[0, 1] == pytest.approx(1 / (1 + np.exp(-10)), abs=1e-6)
    assert not found.labels_only


@pytest.mark.parametrize("shape", [(None,), (None, 1)])
def test_a_text_tensor_of_one_or_two_dimensions(tmp_path, shape):
    found = opened(write_text_graph(tmp_path / "m.onnx", shape=shape)).answer(text_questions())
    assert names(found) == LABELS
    assert found.labels_only


def test_inputs_named_as_columns_take_each_its_own(tmp_path):
    path = write_graph(
        tmp_path / "m.onnx",
        [
            helper.make_node("Cast", ["flag"], ["asked"], to=FLOAT),
            helper.make_node("Add", ["asked", "age"], ["sum"]),
            helper.make_node("Concat", ["age", "asked"], ["pair"], axis=1),
            helper.make_node("Softmax", ["pair"], ["probs"], axis=1),
        ],
        [value("flag", INT, [None, 1]), value("age", FLOAT, [None, 1])],
        [value("probs", FLOAT, [None, 2])],
    )
    model = opened(path, classes=("young", "old"))
    assert model.reads == ("flag", "age")
    found = model.answer(number_questions(age=[0.0, 3.0], flag=[1.0, 1.0]))
    assert names(found) == ["old", "young"]
    with pytest.raises(InvalidInputError, match=r"'flag' as tensor\(int64\), row 2 has no value"):
        model.answer(number_questions(age=[0.0, 3.0], flag=[1.0, None]))


def test_classes_come_from_the_metadata_the_node_or_the_option_and_are_never_guessed(tmp_path):
    nodes = [helper.make_node("Softmax", ["x"], ["probs"], axis=1)]
    inputs, outputs = [value("x", FLOAT, [None, 2])], [value("probs", FLOAT, [None, 2])]
    plain = write_graph(tmp_path / "plain.onnx", nodes, inputs, outputs)
    with pytest.raises(InvalidInputError, match="write --classes a,b,c in their order"):
        opened(plain)
    asked = number_questions(a=[5.0], b=[0.0])
    assert names(opened(plain, classes=("pos", "neg")).answer(asked)) == ["pos"]
    told = write_graph(tmp_path / "told.onnx", nodes, inputs, outputs, metadata={"classes": '["neg", "pos"]'})
    assert names(opened(told).answer(asked)) == ["neg"]


def test_maps_are_refused_with_zipmap_named(tmp_path):
    linear = load(write_linear_graph(tmp_path / "m.onnx", features=1))
    linear.graph.node.append(
        helper.make_node(
            "ZipMap", ["probabilities"], ["maps"], domain="ai.onnx.ml", classlabels_strings=["neg", "pos"]
        )
    )
    del linear.graph.output[:]
    linear.graph.output.append(
        helper.make_value_info(
            "maps",
            helper.make_sequence_type_proto(
                helper.make_map_type_proto(STRING, helper.make_tensor_type_proto(FLOAT, None))
            ),
        )
    )
    save(linear, tmp_path / "m.onnx")
    with pytest.raises(InvalidInputError, match="zipmap off"):
        opened(tmp_path / "m.onnx")


def test_a_graph_that_does_not_fit_is_refused_with_its_inputs(tmp_path):
    linear = opened(write_linear_graph(tmp_path / "m.onnx", features=2))
    with pytest.raises(InvalidInputError, match="reads 2 features in 'x', got 1"):
        linear.answer(number_questions(a=[1.0]))
    with pytest.raises(InvalidInputError, match="column 'b' holds String"):
        linear.answer(number_questions(a=[1.0], b=["x"]))
    with pytest.raises(InvalidInputError, match=r"reads x tensor\(float\).*columns are message"):
        linear.answer(text_questions())
    with pytest.raises(InvalidInputError, match=r"reads text tensor\(string\)"):
        opened(write_text_graph(tmp_path / "t.onnx")).answer(number_questions(a=[1.0]))


@pytest.mark.parametrize(
    ("outputs", "what"),
    [
        ([("x2", FLOAT, [None])], "one table of probabilities"),
        ([("x2", FLOAT, [None, 2]), ("x3", FLOAT, [None, 2])], "one table of probabilities"),
    ],
)
def test_outputs_that_do_not_answer_are_refused(tmp_path, outputs, what):
    nodes = [helper.make_node("Abs", ["x"], [name]) for name, _, _ in outputs]
    shape = outputs[0][2]
    path = write_graph(
        tmp_path / "m.onnx", nodes, [value("x", FLOAT, shape)], [value(*output) for output in outputs]
    )
    with pytest.raises(InvalidInputError, match=what):
        opened(path)


def test_scores_in_place_of_probabilities_are_refused(tmp_path):
    path = write_graph(
        tmp_path / "m.onnx",
        [helper.make_node("Abs", ["x"], ["probs"])],
        [value("x", FLOAT, [None, 2])],
        [value("probs", FLOAT, [None, 2])],
    )
    with pytest.raises(InvalidInputError, match="output 'probs': row 2 must hold probabilities"):
        opened(path, classes=("neg", "pos")).answer(number_questions(a=[1.0, 4.0], b=[0.0, 2.0]))


@pytest.mark.parametrize("content", [b"", b"hello", b"\x08\x07" * 40])
def test_what_is_no_graph_is_refused(tmp_path, content):
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(InvalidInputError, match="must be an ONNX model"):
        opened(tmp_path / "m.onnx")


def test_operators_of_others_are_refused_by_their_domain(tmp_path):
    path = write_graph(
        tmp_path / "m.onnx",
        [helper.make_node("Evil", ["x"], ["probs"], domain="com.evil")],
        [value("x", FLOAT, [None, 2])],
        [value("probs", FLOAT, [None, 2])],
        domains=("", "com.evil"),
    )
    with pytest.raises(InvalidInputError, match=r"needs operators of com\.evil"):
        opened(path, classes=("a", "b"))


def with_outside_data(folder, location: str):
    """A linear map whose weights lie in another file."""
    weights = numpy_helper.from_array(np.array([[0.0, 9.0], [9.0, 0.0]], dtype=np.float32), "w")
    external_data_helper.set_external_data(weights, location=location)
    raw = weights.raw_data
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    write_graph(
        folder / "m.onnx",
        [helper.make_node("MatMul", ["x", "w"], ["y"]), helper.make_node("Softmax", ["y"], ["probs"])],
        [value("x", FLOAT, [None, 2])],
        [value("probs", FLOAT, [None, 2])],
        initializers=[weights],
    )
    return raw


def test_data_beside_the_file_is_read_and_data_elsewhere_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / "model"
    folder.mkdir()
    raw = with_outside_data(folder, "w.bin")
    with pytest.raises(NotFoundError, match=r"reads data from 'w\.bin', which is not there"):
        opened(folder / "m.onnx", classes=("a", "b"))
    (folder / "w.bin").write_bytes(raw)
    model = opened(folder / "m.onnx", classes=("a", "b"))
    assert names(model.answer(number_questions(x=[1.0, 0.0], y=[0.0, 1.0]))) == ["b", "a"]
    monkeypatch.setattr(onnx_graph, "LARGEST_BYTES", (folder / "m.onnx").stat().st_size + 3)
    with pytest.raises(InvalidInputError, match="with its data"):
        opened(folder / "m.onnx", classes=("a", "b"))
    monkeypatch.undo()
    (tmp_path / "outside.bin").write_bytes(raw)
    for location in ("../outside.bin", str(tmp_path / "outside.bin")):
        with_outside_data(folder, location)
        with pytest.raises(InvalidInputError, match="outside its own folder"):
            opened(folder / "m.onnx", classes=("a", "b"))
    (folder / "link.bin").symlink_to(tmp_path / "outside.bin")
    with_outside_data(folder, "link.bin")
    with pytest.raises(InvalidInputError, match="outside its own folder"):
        opened(folder / "m.onnx", classes=("a", "b"))
