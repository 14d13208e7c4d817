"""An ONNX file read as data before it is run: its size, its operators, its outside data, its classes.

Always: no operators but those that onnxruntime brings, no data from outside the file's own folder, at most
`LARGEST_BYTES` in all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from smallcraft.errors import InvalidInputError, NotFoundError

LARGEST_BYTES = 2 * 2**30
_DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}
_CLASS_ATTRIBUTES = {
    "classlabels_strings": "strings",
    "classlabels_int64s": "ints",
    "classlabels_ints": "ints",
}


def read_graph(path: Path) -> Any:  # noqa: ANN401 - onnx carries no types
    """The model of a file, without its outside data.

    Raises:
        NotFoundError: There is no such file, or no file of data that it names.
        InvalidInputError: It is no model, is too large, needs operators that are not brought, or reads data
            from elsewhere.
    """
    import onnx

    if not path.is_file():
        raise NotFoundError(f"there is no file {path}; check the path")
    _require_size(path, path.stat().st_size)
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:
        raise InvalidInputError(
            f"{path} must be an ONNX model, got something else; export it again"
        ) from error
    if not model.graph.output:
        raise InvalidInputError(f"{path} must be an ONNX model with outputs, got none; export it again")
    own = {function.domain for function in model.functions}
    foreign = sorted({entry.domain for entry in model.opset_import} - _DOMAINS - own)
    if foreign:
        raise InvalidInputError(
            f"{path} needs operators of {', '.join(foreign)}, and only those of onnxruntime are run; "
            "export it without custom operators"
        )
    _require_near(path, outside_files(model))
    return model


def outside_files(model: Any) -> tuple[str, ...]:  # noqa: ANN401
    """Files that tensors of the model are kept in, as the model names them."""
    graphs = [model.graph, *model.functions]
    named = {
        entry.value
        for graph in graphs
        for tensor in _tensors(graph)
        for entry in tensor.external_data
        if entry.key == "location"
    }
    return tuple(sorted(named))


def classes_of(model: Any, metadata: Mapping[str, str]) -> tuple[str, ...]:  # noqa: ANN401
    """Labels of the columns: from the metadata `classes` (a JSON list), else from the only classifier node.

    Args:
        model: From `read_graph`.
        metadata: Of the model.

    Returns:
        The labels in order; empty where they are not said, or said in two ways.
    """
    try:
        written = json.loads(metadata.get("classes", "null"))
    except ValueError:
        written = None
    if isinstance(written, list):
        return tuple(map(str, written))
    said = {
        tuple(_text(value) for value in getattr(entry, _CLASS_ATTRIBUTES[entry.name]))
        for node in model.graph.node
        for entry in node.attribute
        if entry.name in _CLASS_ATTRIBUTES
    }
    said.discard(())
    return said.pop() if len(said) == 1 else ()


def _tensors(graph: Any) -> Iterator[Any]:  # noqa: ANN401
    """Every tensor of a graph or function, those of its subgraphs too."""
    yield from getattr(graph, "initializer", ())
    for sparse in getattr(graph, "sparse_initializer", ()):
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for entry in node.attribute:
            yield from (entry.t, *entry.tensors)
            for sparse in (entry.sparse_tensor, *entry.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            for inner in (entry.g, *entry.graphs):
                yield from _tensors(inner)


def _require_near(path: Path, files: Sequence[str]) -> None:
    folder, size = path.resolve().parent, path.stat().st_size
    for name in files:
        place = (folder / name).resolve()
        if not place.is_relative_to(folder):
            raise InvalidInputError(
                f"{path} reads data from '{name}', outside its own folder; keep them beside each other"
            )
        if not place.is_file():
            raise NotFoundError(
                f"{path} reads data from '{name}', which is not there; put it beside the model"
            )
        size += place.stat().st_size
    _require_size(path, size)


def _require_size(path: Path, size: int) -> None:
    if size > LARGEST_BYTES:
        raise InvalidInputError(
            f"{path} holds {size:,} bytes with its data, at most {LARGEST_BYTES:,} are opened; quantize it"
        )


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
