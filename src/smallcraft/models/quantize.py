"""Quantizes an encoder graph to dynamic INT8 per channel, and parts any graph into files that blocks share.

Always: the token table is a file of its own (the static block reads the same bytes), the other large weights
are another; the graph given stays as it is; the same graph gives the same bytes.
Not covered: what is not whole numbers depends a little on the processor; bundles carry a self-check.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import TensorProto

# What `models.graph` calls the token table, and what the quantizer makes of that name.
_TABLE_NAMES = ("words", "words_quantized")
_INLINE_BYTES = 1024


@dataclass(frozen=True)
class GraphFiles:
    """A graph as files.

    Attributes:
        contents: Path to bytes.
        model: The graph's own path.
        weights: Paths of what the graph calls by name, the token table first where it has one.
    """

    contents: Mapping[str, bytes]
    model: str
    weights: tuple[str, ...]


def quantize_encoder(model: onnx.ModelProto, *, per_channel: bool = True) -> onnx.ModelProto:
    """Dynamic INT8 for every product with a constant.

    Args:
        model: A graph as `build_encoder_graph` makes it.
        per_channel: One scale an output channel. One a tensor is smaller by little and worse by much: it is
            here for those who want to see it refused.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder, _quiet():
        target = Path(folder) / "model.onnx"
        quantize_dynamic(
            model,
            target,
            per_channel=per_channel,
            # Signed, the only ones that onnxruntime multiplies by VNNI; with a zero point, so that they are
            # as fine as unsigned ones. `bundle.runtimes.onnxruntime` keeps them from overflowing elsewhere.
            weight_type=QuantType.QInt8,
            extra_options={
                "MatMulConstBOnly": True,
                "DefaultTensorType": TensorProto.FLOAT,
                "WeightSymmetric": False,
            },
        )
        return onnx.load(target)


def part_graph(model: onnx.ModelProto, *, table: str, weights: str, path: str) -> GraphFiles:
    """A graph and its large tensors as files of their own.

    Args:
        model: Is emptied of its large tensors.
        table: Path for the token table.
        weights: Path for all other large tensors.
        path: Path for the graph.
    """
    tables, rest, offset = b"", [], 0
    for tensor in model.graph.initializer:
        data = tensor.raw_data
        if tensor.name in _TABLE_NAMES:
            tables = data
            _point(tensor, table, 0, len(data))
            continue
        if len(data) < _INLINE_BYTES:
            continue
        _point(tensor, weights, offset, len(data))
        rest.append(data)
        offset += len(data)
    contents = {table: tables, weights: b"".join(rest)}
    kept = {name: data for name, data in contents.items() if data}
    return GraphFiles({**kept, path: model.SerializeToString(deterministic=True)}, path, tuple(kept))


def _point(tensor: onnx.TensorProto, path: str, offset: int, length: int) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", path), ("offset", str(offset)), ("length", str(length))):
        tensor.external_data.add(key=key, value=value)


@contextmanager
def _quiet() -> Iterator[None]:
    """The quantizer advises a preprocessing that a graph of fused operators does not need."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
