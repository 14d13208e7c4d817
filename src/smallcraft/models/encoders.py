"""An encoder as arrays, found or trained, and its way to files: a graph, its weights, a tokenizer.

Leaves to others: finding a backbone (`models.backbone`), the graph (`models.graph`), rounding
(`models.quantize`).
Always: the same source has the same digest and gives the same bytes; weights are float32 under Hugging Face's
names.
Not covered: tokenizers that do not put one special token before a text and one after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from smallcraft.bundle.blocks.static import TABLE
from smallcraft.bundle.layout import BundleWriter
from smallcraft.canonical import digest_bytes, digest_value
from smallcraft.errors import InvalidInputError
from smallcraft.models.backbone import Backbone
from smallcraft.models.forms import Form
from smallcraft.models.graph import build_encoder_graph
from smallcraft.models.quantize import GraphFiles, part_graph, quantize_encoder

MODEL, WEIGHTS = "model.onnx", "weights.bin"
_LONGEST_TOKENS = 128
WORDS = "embeddings.word_embeddings.weight"


@dataclass(frozen=True)
class EncoderSource:
    """An encoder's weights and what is needed to write it as files.

    Attributes:
        name: Of the backbone, plus what was done to it.
        weights: Hugging Face's names (BertModel), without `bert.` in front.
        config: `config.json`; `num_hidden_layers` counts the layers that are really there.
        tokenizer: `tokenizer.json`.
        pooling: `mean` or `first`.
    """

    name: str
    weights: Mapping[str, NDArray[np.float32]]
    config: Mapping[str, Any]
    tokenizer: bytes
    pooling: str

    @property
    def layers(self) -> int:
        """How many layers it has."""
        return int(self.config["num_hidden_layers"])

    @property
    def width(self) -> int:
        """Of a state, and of the embedding."""
        return int(self.config["hidden_size"])

    @property
    def token_table(self) -> NDArray[np.float32]:
        """`(tokens, width)`."""
        return self.weights[WORDS]

    @cached_property
    def digest(self) -> str:
        """Over everything but the name."""
        arrays = {
            name: [list(self.weights[name].shape), digest_bytes(self.weights[name].tobytes())]
            for name in sorted(self.weights)
        }
        described = {"weights": arrays, "config": dict(self.config), "pooling": self.pooling}
        return digest_value({**described, "tokenizer": digest_bytes(self.tokenizer)})


def source_of(backbone: Backbone) -> EncoderSource:
    """A backbone's encoder, without the pooler and heads that its file may carry.

    Args:
        backbone: The encoder.
    """
    found = load_file(backbone.folder / "model.safetensors")
    named = {name.removeprefix("bert."): array for name, array in found.items()}
    weights = {
        name: array.astype(np.float32)
        for name, array in named.items()
        if name.startswith(("embeddings.", "encoder.")) and not name.endswith("position_ids")
    }
    tokenizer = (backbone.folder / "tokenizer.json").read_bytes()
    return EncoderSource(backbone.name, weights, backbone.config, tokenizer, backbone.pooling)


def without_layers(source: EncoderSource) -> EncoderSource:
    """The embeddings alone: all that is needed where the encoder never runs; the token table is the same.

    Args:
        source: The encoder.
    """
    weights = {name: array for name, array in source.weights.items() if name.startswith("embeddings.")}
    config = {**source.config, "num_hidden_layers": 0}
    return replace(source, weights=weights, config=config)


def write_encoder(
    source: EncoderSource,
    target: Path,
    *,
    form: Form = "int8",
    stem: str = "",
    table: str = TABLE,
    per_channel: bool = True,
) -> str:
    """Write an encoder as a directory that `BundleFiles` reads.

    Args:
        source: The encoder.
        target: A directory that does not exist yet.
        form: Rounded, or not.
        stem: Begins the names of its graph and weights, to tell them from another encoder's in one bundle.
        table: Name of the token table's file; the backbone's own where the table is the backbone's.
        per_channel: As in `quantize_encoder`.

    Returns:
        The digest of its description.

    Raises:
        InvalidInputError: The source lacks a weight, or its tokenizer adds no special tokens.
    """
    graph = build_encoder_graph(
        source.weights,
        source.config,
        pooling=source.pooling,
        attention=source.config.get("attention", "full"),
    )
    if form == "int8":
        graph = quantize_encoder(graph, per_channel=per_channel)
    files = part_graph(graph, table=table, weights=stem + WEIGHTS, path=stem + MODEL)
    writer = BundleWriter(target)
    for path, data in files.contents.items():
        writer.add(path, data)
    tokenizer = writer.add("tokenizer.json", source.tokenizer)
    return writer.finish({"encoder": _describe(source, files, tokenizer, form)})


def _describe(source: EncoderSource, files: GraphFiles, tokenizer: str, form: Form) -> Mapping[str, Any]:
    from tokenizers import Tokenizer

    special = Tokenizer.from_buffer(source.tokenizer).encode("")
    ids = [token for token, kept in zip(special.ids, special.attention_mask, strict=True) if kept]
    if len(ids) != 2:
        raise InvalidInputError(
            f"the tokenizer of backbone '{source.name}' must put one special token before a text and one "
            f"after it, got {len(ids)} in all; choose another backbone"
        )
    described = {
        "kind": "encoder",
        "tokenizer": tokenizer,
        "model": files.model,
        "weights": files.weights,
        "width": source.width,
        "tokens": len(source.token_table),
        "longest": min(_LONGEST_TOKENS, int(source.config["max_position_embeddings"])),
        "first": ids[0],
        "last": ids[-1],
    }
    return described if form == "int8" else {**described, "form": form}
