"""A graph that an engine alone can run passes; one that reaches for other code or files is refused."""

from __future__ import annotations

from collections.abc import Callable

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from smallcraft.errors import InvalidInputError
from smallcraft.registry.content import graphs
from smallcraft.registry.content.graphs import check_graph

MESSAGES = {
    name: getattr(onnx, f"{name}Proto").DESCRIPTOR
    for name in ("Model", "Graph", "Node", "Attribute", "Tensor", "SparseTensor", "Function", "TrainingInfo")
}


def _node(operator: str = "Relu", domain: str = "", **attributes: object) -> onnx.NodeProto:
    return helper.make_node(operator, ["x"], ["y"], domain=domain, **attributes)


def _graph(*nodes: onnx.NodeProto, tensors: tuple[onnx.TensorProto, ...] = ()) -> onnx.GraphProto:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    return helper.make_graph(nodes or (_node(),), "g", [value], [value], initializer=tensors)


def _model(graph: onnx.GraphProto, **more: object) -> bytes:
    return helper.make_model(graph, **more).SerializeToString()


def _outside(location: str, *, key: str = "location") -> onnx.TensorProto:
    tensor = TensorProto(name="w", dims=[1], data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key=key, value=location)
    return tensor


def _refuse(data: bytes, match: str) -> None:
    with pytest.raises(InvalidInputError, match=match):
        check_graph("model.onnx", memoryview(data))


def _check(data: bytes) -> None:
    check_graph("model.onnx", memoryview(data))


def test_the_field_numbers_are_those_of_onnx() -> None:
    """Every field that holds a message which can hold a node or a tensor is walked, and no other."""
    reached = set(MESSAGES) | {"StringStringEntry"}
    for name, descriptor in MESSAGES.items():
        held = {
            field.number: field.message_type.name.removesuffix("Proto")
            for field in descriptor.fields
            if field.message_type is not None
        }
        walked = {number: kind for number, kind in held.items() if kind in reached}
        if name != "Tensor":  # elsewhere such entries are notes, which nothing opens
            walked = {number: kind for number, kind in walked.items() if kind != "StringStringEntry"}
        else:
            walked.pop(descriptor.fields_by_name["metadata_props"].number, None)
        assert graphs._INSIDE[name] == walked
    node, entry = MESSAGES["Node"].fields_by_name, onnx.StringStringEntryProto.DESCRIPTOR.fields_by_name
    assert (node["op_type"].number, node["domain"].number) == (graphs._OPERATOR, graphs._DOMAIN)
    assert (entry["key"].number, entry["value"].number) == (graphs._KEY, graphs._VALUE)


@pytest.mark.parametrize("domain", ["", "ai.onnx", "ai.onnx.ml", "com.microsoft"])
def test_operators_that_engines_bring_along_pass(domain: str) -> None:
    _check(_model(_graph(_node(domain=domain))))


@pytest.mark.parametrize("domain", ["ai.onnx.contrib", "com.evil", "org.pytorch.aten", "com.microsoft.x"])
def test_an_operator_of_another_library_is_refused(domain: str) -> None:
    _refuse(_model(_graph(_node(), _node("Op", domain))), f"'Op' of '{domain}' needs code")


@pytest.mark.parametrize("operator", sorted(graphs.REFUSED_OPERATORS))
def test_an_operator_that_runs_other_code_is_refused(operator: str) -> None:
    _refuse(_model(_graph(_node(operator, "com.microsoft"))), f"operator '{operator}'")


def _in_branch(node: onnx.NodeProto) -> bytes:
    return _model(
        _graph(_node("If", then_branch=_graph(), else_branch=_graph(_node("Loop", body=_graph(node)))))
    )


def _in_function(node: onnx.NodeProto) -> bytes:
    return _model(_graph(), functions=[helper.make_function("", "f", ["x"], ["y"], [node], [])])


def _in_training(node: onnx.NodeProto) -> bytes:
    model = helper.make_model(_graph())
    model.training_info.add().algorithm.CopyFrom(_graph(node))
    return model.SerializeToString()


def _in_second_graph(node: onnx.NodeProto) -> bytes:
    """The same field twice: a reader merges both."""
    return _model(_graph()) + onnx.ModelProto(graph=_graph(node)).SerializeToString()


@pytest.mark.parametrize("place", [_in_branch, _in_function, _in_training, _in_second_graph])
def test_an_operator_is_found_wherever_it_hides(place: Callable[[onnx.NodeProto], bytes]) -> None:
    _check(place(_node()))
    _refuse(place(_node("Op", "com.evil")), "of 'com.evil' needs code")


@given(
    ints=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20),
    floats=st.lists(st.floats(width=32), max_size=20),
    repeat=st.sampled_from([1, 200]),
)
def test_an_operator_is_found_behind_any_numbers(ints: list[int], floats: list[float], repeat: int) -> None:
    node = _node("TreeEnsemble", "ai.onnx.ml")
    node.attribute.add(
        name="n", ints=ints * repeat, floats=floats * repeat, g=_graph(_node("Op", "com.evil"))
    )
    _refuse(_model(_graph(node)), "of 'com.evil' needs code")
    node.attribute[0].g.CopyFrom(_graph())
    _check(_model(_graph(node)))


def test_a_name_given_twice_counts_twice() -> None:
    """Readers take the last; another one could take the first."""
    twice = onnx.NodeProto(op_type="PythonOp").SerializeToString() + _node("Relu").SerializeToString()
    graph = b"\x0a" + bytes([len(twice)]) + twice
    _refuse(b"\x3a" + bytes([len(graph)]) + graph, "'PythonOp' runs Python")


@pytest.mark.parametrize("location", ["weights.bin", "sub/weights.bin", "a-b_c.1"])
def test_weights_inside_the_release_pass(location: str) -> None:
    _check(_model(_graph(tensors=(_outside(location),))))
    _check(_model(_graph(tensors=(_outside("../anything", key="checksum"),))))


@pytest.mark.parametrize(
    "location", ["/etc/passwd", "../up.bin", "a/../../up", "*/_ORT_MEM_ADDR_/*", "", ".hidden", "a\\b", "C:x"]
)
def test_weights_outside_the_release_are_refused(location: str) -> None:
    tensor = _outside(location)
    constant = _node("Constant", value=tensor)
    for data in (_model(_graph(tensors=(tensor,))), _model(_graph(constant)), _in_branch(constant)):
        _refuse(data, "outside the release")


def test_a_location_hidden_behind_another_is_refused() -> None:
    tensor = _outside("good.bin")
    tensor.external_data.add(key="location", value="/etc/passwd")
    _refuse(_model(_graph(tensors=(tensor,))), "'/etc/passwd', outside the release")


def test_graphs_nested_past_any_model_are_refused() -> None:
    graph = _graph()
    for _ in range(graphs.DEPTH_LIMIT):
        graph = _graph(_node("If", then_branch=graph))
    _refuse(_model(graph), "nested deeper")


def test_more_parts_than_any_model_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "MESSAGE_LIMIT", 50)
    _refuse(_model(_graph(*(_node() for _ in range(60)))), "has more parts")


def test_a_file_larger_than_the_format_allows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "GRAPH_LIMIT_BYTES", 10)
    _refuse(_model(_graph()), "it may have 10 bytes")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "holds no graph"),
        (b"\x0b", "begins no field"),
        (b"\x80" * 12, "begins no number"),
        (b"\x3a\x7f", "ends past its message"),
        (b"\x01", "ends past its message"),
        (b"\x00\x00", "ends past its message"),
        (b"\x3a\x04\x0a\x03\x22\x00", "ends past"),
        (b"\x3a\x05\x0a\x03\x22\x01\xff", "no UTF-8"),
    ],
)
def test_bytes_that_are_no_graph_are_refused(data: bytes, why: str) -> None:
    _refuse(data, why)


@given(junk=st.binary(max_size=200))
def test_any_bytes_pass_or_are_refused_in_plain_words(junk: bytes) -> None:
    try:
        _check(junk)
    except InvalidInputError as refusal:
        message = str(refusal)
        assert message.startswith("model.onnx must be an ONNX graph")


@given(at=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_what_onnx_can_read_after_a_changed_byte_is_read_alike(at: int, byte: int) -> None:
    """Where ours passes a graph that onnx can read, onnx sees no operator that ours would refuse."""
    data = bytearray(_in_branch(_node("Op", "com.microsoft")))
    data[at % len(data)] = byte
    try:
        model = onnx.load_from_string(bytes(data))
        _check(bytes(data))
    except Exception:  # noqa: BLE001 - onnx's errors share no narrower class
        return
    assert {node.domain for node in model.graph.node} <= graphs.DOMAINS
