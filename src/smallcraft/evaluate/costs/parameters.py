"""How many parameters a bundle has: the learned numbers of its heads, tables and encoder graph, each once.

Reads headers only: of the arrays in `.npz` files and of the initialisers in an ONNX graph (a walk over the
protobuf's own lengths), never the numbers themselves, and needs neither onnx nor a session.
Counted: floating point and 8-bit arrays (weights, scales, biases, embedding tables). Not counted:
vocabularies, indices and shapes (integers of 32 bits and more), and the answers kept for the self-check.
Always: what cannot be counted is None with the reason, such as an ensemble of trees, which has no weights.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from smallcraft.bundle.layout import read_description
from smallcraft.errors import BundleFormatError, InvalidInputError, NotFoundError
from smallcraft.records import Measurement

# Field numbers and data types of onnx.proto3.
_MODEL_GRAPH, _GRAPH_INITIALIZER, _TENSOR_DIMS, _TENSOR_TYPE = 7, 5, 1, 2
_LEARNED_TYPES = {1, 2, 3, 10, 11, 16}  # float, uint8, int8, float16, double, bfloat16
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def count_parameters(bundle: Path) -> Measurement:
    """`parameters` of a bundle: a count, or None with the reason."""
    method = "learned numbers in the heads, tables and graphs of the bundle"
    try:
        counts = _stage_counts(bundle, read_description(bundle)[0])
    except (BundleFormatError, NotFoundError):
        return _not_counted(method, "the files are no bundle whose layout is known")
    except (OSError, LookupError, TypeError, ValueError, zipfile.BadZipFile) as error:
        return _not_counted(method, f"a file of the bundle could not be read ({type(error).__name__})")
    if counts is None:
        return _not_counted(method, "an ensemble of trees has splits and leaves, not weights; see size_mb")
    return Measurement("parameters", float(sum(counts.values())), "count", len(counts), method)


def count_initializers(graph: bytes) -> int:
    """Numbers in the floating point and 8-bit initialisers of an ONNX model, wherever their data are kept.

    Raises:
        InvalidInputError: The bytes are no protobuf message.
    """
    total = 0
    for model_field, model_value in _fields(memoryview(graph)):
        if model_field != _MODEL_GRAPH or isinstance(model_value, int):
            continue
        for graph_field, tensor in _fields(model_value):
            if graph_field == _GRAPH_INITIALIZER and not isinstance(tensor, int):
                total += _tensor_size(tensor)
    return total


def _stage_counts(bundle: Path, description: Mapping[str, Any]) -> dict[str, int] | None:
    """File to its count; a table that an encoder and a static block share is counted with the graph."""
    counts: dict[str, int] = {}
    tables: dict[str, int] = {}
    of_graphs: set[str] = set()
    for stage in description["stages"]:
        for part in (*stage["blocks"], stage["head"]):
            if part["kind"] == "trees":
                return None
            for graph in (part, part.get("trunk", {}), *part.get("experts", ())):
                if "model" in graph:
                    counts[graph["model"]] = count_initializers((bundle / graph["model"]).read_bytes())
                    of_graphs |= set(graph["weights"])
            if "table" in part:
                tables[part["table"]] = math.prod(part["shape"])
            for path in part.values():
                if isinstance(path, str) and path.endswith(".npz"):
                    counts[path] = _count_arrays(bundle / path)
    return counts | {path: size for path, size in tables.items() if path not in of_graphs}


def _count_arrays(path: Path) -> int:
    total = 0
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            with archive.open(name) as member:
                version = np.lib.format.read_magic(member)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else _read_later_header
                shape, _, dtype = read(member)
            if dtype.kind == "f" or dtype in (np.int8, np.uint8):
                total += math.prod(shape)
    return total


def _read_later_header(member: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:  # noqa: ANN401 - a zip member
    return np.lib.format.read_array_header_2_0(member)


def _tensor_size(tensor: memoryview) -> int:
    size, kind = 1, 0
    for number, value in _fields(tensor):
        if number == _TENSOR_DIMS:
            # proto3 packs repeated numbers, proto2 writes them one by one: both are read.
            size *= value if isinstance(value, int) else math.prod(_varints(value))
        elif number == _TENSOR_TYPE and isinstance(value, int):
            kind = value
    return size if kind in _LEARNED_TYPES else 0


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Field number and value of each field of a protobuf message, a nested message as its bytes."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        kind = key & 7
        if kind == _VARINT:
            value, place = _varint(message, place)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            length, place = _varint(message, place)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise InvalidInputError(f"an ONNX graph has fields of kind 0, 1, 2 and 5, got {kind}; is it one?")
        if place + length > len(message):
            raise InvalidInputError(
                "an ONNX graph ends within a field; take the bundle from the registry again"
            )
        yield key >> 3, message[place : place + length]
        place += length


def _varints(packed: memoryview) -> Iterator[int]:
    place = 0
    while place < len(packed):
        value, place = _varint(packed, place)
        yield value


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(message):
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
    raise InvalidInputError("an ONNX graph ends within a number; take the bundle anew")


def _not_counted(method: str, why: str) -> Measurement:
    return Measurement("parameters", None, "count", 0, method, detail=f"not counted: {why}")
