"""ONNX graphs, judged by walking their wire format: what runs is only what an inference engine brings along.

Leaves to others: whether the engine can run it; limits of the process that first loads it.
Always: messages are walked, tensors skipped; nothing is copied and no engine is loaded.
Covered: operators that need a library or another file to run, weights outside the release, graphs nested
or numerous past any real model, broken bytes.
Not covered: shapes that make the engine take much memory; sound weights with the wrong numbers.

Source:
    The protocol buffers wire format; onnx.proto of ONNX 1.18 (field numbers are tested against it).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from smallcraft.errors import InvalidInputError

GRAPH_LIMIT_BYTES = (2 << 30) - 1  # what a protocol buffer can have
MESSAGE_LIMIT = 1_000_000
DEPTH_LIMIT = 32
DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
REFUSED_OPERATORS: Mapping[str, str] = {
    "PythonOp": "runs Python",
    "PythonOpGrad": "runs Python",
    "ATen": "runs PyTorch",
    "ATenOp": "runs PyTorch",
    "EPContext": "loads compiled code from another file",
}

# Field numbers: where a message of each kind holds another that is walked too.
_INSIDE: Mapping[str, Mapping[int, str]] = {
    "Model": {7: "Graph", 20: "TrainingInfo", 25: "Function"},
    "TrainingInfo": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node", 11: "Attribute"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Node": {5: "Attribute"},
    "Attribute": {
        5: "Tensor",
        6: "Graph",
        10: "Tensor",
        11: "Graph",
        22: "SparseTensor",
        23: "SparseTensor",
    },
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
    "Tensor": {13: "StringStringEntry"},
    "StringStringEntry": {},
}
_OPERATOR, _DOMAIN, _KEY, _VALUE = 4, 7, 1, 2
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# Up to 1,000 number fields in a row, each of a number below 16: an ensemble of trees has a million of them.
_NUMBERS = re.compile(
    b"(?:[%b][\\x80-\\xff]{0,9}[\\0-\\x7f]|[%b].{8}|[%b].{4}){1,1000}+"
    % tuple(re.escape(bytes(range(8 + wire, 128, 8))) for wire in (_VARINT, _FIXED64, _FIXED32)),
    re.DOTALL,
)
# Also refuses the engine's own mark for "at this address in memory", which has stars.
_LOCATION = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_./-]*")


@dataclass
class _Walk:
    """What was met so far."""

    path: str
    messages: int = 0
    graphs: int = field(default=0)


def check_graph(path: str, data: memoryview) -> None:
    """Refuse an ONNX model that needs anything beyond an inference engine and the release's own files.

    Args:
        path: Its path, for messages.
        data: All of its bytes.

    Raises:
        InvalidInputError: It is refused.
    """
    if len(data) > GRAPH_LIMIT_BYTES:
        raise _refusal(path, f"it may have {GRAPH_LIMIT_BYTES:,} bytes, it has {len(data):,}")
    walk = _Walk(path)
    _walk(walk, "Model", data, 0)
    if walk.graphs == 0:
        raise _refusal(path, "it holds no graph")


def _walk(walk: _Walk, kind: str, data: memoryview, depth: int) -> None:
    walk.messages += 1
    walk.graphs += kind == "Graph"
    if depth > DEPTH_LIMIT or walk.messages > MESSAGE_LIMIT:
        raise _refusal(walk.path, "it is nested deeper, or has more parts, than any model here may")
    inside = _INSIDE[kind]
    texts: dict[int, list[str]] = {}
    for number, value in _fields(walk.path, data):
        if number in inside:
            _walk(walk, inside[number], value, depth + 1)
        elif kind in {"Node", "StringStringEntry"}:
            texts.setdefault(number, []).append(_text(walk.path, value))
    if kind == "Node":
        _check_node(walk.path, texts)
    if kind == "StringStringEntry":
        _check_entry(walk.path, texts)


def _check_node(path: str, texts: Mapping[int, list[str]]) -> None:
    """A field given twice counts twice: readers differ in which one they take."""
    operators = texts.get(_OPERATOR, [""])
    for domain in texts.get(_DOMAIN, ()):
        if domain not in DOMAINS:
            raise _refusal(
                path, f"operator {operators[-1]!r} of {domain!r} needs code that is not the engine's"
            )
    for operator in operators:
        if operator in REFUSED_OPERATORS:
            raise _refusal(path, f"operator {operator!r} {REFUSED_OPERATORS[operator]}")


def _check_entry(path: str, texts: Mapping[int, list[str]]) -> None:
    if "location" not in texts.get(_KEY, ()):
        return
    for location in texts.get(_VALUE, [""]):
        if not _LOCATION.fullmatch(location):
            raise _refusal(path, f"its weights are at {location!r}, outside the release")


def _fields(path: str, data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Number and bytes of each field that has a length; the other kinds are skipped."""
    at = 0
    while at < len(data):
        if skipped := _NUMBERS.match(data, at):
            at = skipped.end()
            continue
        key, at = _varint(path, data, at)
        number, wire = key >> 3, key & 7
        size = {_FIXED64: 8, _FIXED32: 4}.get(wire, 0)
        if wire in {_VARINT, _BYTES}:
            value, at = _varint(path, data, at)
            size = value if wire == _BYTES else 0
        elif not size:
            raise _refusal(path, f"byte {at} begins no field")
        if number == 0 or at + size > len(data):
            raise _refusal(path, f"the field before byte {at} ends past its message")
        if wire == _BYTES:
            yield number, data[at : at + size]
        at += size


def _varint(path: str, data: memoryview, at: int) -> tuple[int, int]:
    """A number of at most ten bytes, and where it ends."""
    number = 0
    for shift, byte in enumerate(data[at : at + 10]):
        number |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return number, at + shift + 1
    raise _refusal(path, f"byte {at} begins no number")


def _text(path: str, value: memoryview) -> str:
    try:
        return str(value, "utf-8")
    except UnicodeDecodeError as error:
        raise _refusal(path, f"a name in it is no UTF-8 ({error})") from error


def _refusal(path: str, what: str) -> InvalidInputError:
    return InvalidInputError(
        f"{path} must be an ONNX graph that any engine can run, but {what}; export it again"
    )
