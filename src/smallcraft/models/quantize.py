"""Quantizes an encoder graph to dynamic INT8 per channel and lays it out as files that blocks share.

Always: `embeddings.bin` holds the token table alone (the static block reads the same bytes), `weights.bin`
the rest, `model.onnx` the graph; the same backbone gives the same bytes.
Not covered: INT8 answers depend a little on the processor's instructions; bundles carry a self-check.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto
from safetensors.numpy import load_file

from smallcraft.bundle.blocks.static import TABLE
from smallcraft.bundle.layout import BundleWriter
from smallcraft.errors import InvalidInputError
from smallcraft.models.backbone import Backbone
from smallcraft.models.graph import build_encoder_graph

MODEL, WEIGHTS = "model.onnx", "weights.bin"
_TABLE_NAME = "words_quantized"
_INLINE_BYTES = 1024
_LONGEST_TOKENS = 128


def quantize_encoder(model: onnx.ModelProto) -> onnx.ModelProto:
    """Dynamic INT8, one scale an output channel, for every product with a constant.

    Args:
        model: A graph as `build_encoder_graph` makes it.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder, _quiet():
        target = Path(folder) / MODEL
        quantize_dynamic(
            model,
            target,
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True, "DefaultTensorType": TensorProto.FLOAT},
        )
        return onnx.load(target)


def write_encoder(backbone: Backbone, target: Path) -> str:
    """Write a backbone's quantized encoder as a directory that `BundleFiles` reads.

    Args:
        backbone: The encoder.
        target: A directory that does not exist yet.

    Returns:
        The digest of its description.

    Raises:
        InvalidInputError: The backbone lacks a weight, or its tokenizer adds no special tokens.
    """
    weights = load_file(backbone.folder / "model.safetensors")
    graph = build_encoder_graph(weights, backbone.config, pooling=backbone.pooling)
    quantized = quantize_encoder(graph)
    writer = BundleWriter(target)
    for path, data in _externalize(quantized).items():
        writer.add(path, data)
    tokenizer = (backbone.folder / "tokenizer.json").read_bytes()
    return writer.finish({"encoder": _describe(backbone, writer.add("tokenizer.json", tokenizer), tokenizer)})


def _describe(backbone: Backbone, path: str, tokenizer: bytes) -> Mapping[str, Any]:
    from tokenizers import Tokenizer

    special = Tokenizer.from_buffer(tokenizer).encode("")
    longest = min(_LONGEST_TOKENS, int(backbone.config["max_position_embeddings"]))
    ids = [token for token, kept in zip(special.ids, special.attention_mask, strict=True) if kept]
    if len(ids) != 2:
        raise InvalidInputError(
            f"the tokenizer of backbone '{backbone.name}' must put one special token before a text and one "
            f"after it, got {len(ids)} in all; choose another backbone"
        )
    return {
        "kind": "encoder",
        "tokenizer": path,
        "model": MODEL,
        "weights": [TABLE, WEIGHTS],
        "width": backbone.config["hidden_size"],
        "tokens": backbone.config["vocab_size"],
        "longest": longest,
        "first": ids[0],
        "last": ids[-1],
    }


def _externalize(model: onnx.ModelProto) -> Mapping[str, bytes]:
    """Move large tensors out of the graph: the token table to its own file, the others to one."""
    table, rest, offset = b"", [], 0
    for tensor in model.graph.initializer:
        data = tensor.raw_data
        if tensor.name == _TABLE_NAME:
            table = data
            _point(tensor, TABLE, 0, len(data))
            continue
        if len(data) < _INLINE_BYTES:
            continue
        _point(tensor, WEIGHTS, offset, len(data))
        rest.append(data)
        offset += len(data)
    assert table, "the quantizer names the token table"
    return {
        TABLE: table,
        WEIGHTS: b"".join(rest),
        MODEL: model.SerializeToString(deterministic=True),
    }


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
