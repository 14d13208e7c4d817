"""Builds the ONNX graph of a BERT-family encoder from its weights, without torch.

Emits onnxruntime's fused operators itself: EmbedLayerNormalization, Attention, SkipLayerNormalization,
BiasGelu. Kinds of attention are `models.parts.attention`'s.
Always: inputs `input_ids` and `mask` `(batch, tokens) int32`, or `state` `(batch, tokens, width) float32` and
`mask` when the first layers are somebody else's; output `embedding` `(batch, width) float32`; the state after
`i` layers is named `tap{i}`, `tap0` being the embeddings. Layers may differ in heads and inner width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from smallcraft.errors import InvalidInputError
from smallcraft.models.parts.attention import BUILTIN as ATTENTION
from smallcraft.models.parts.attention.attention import Projections
from smallcraft.plugins import find_plugin

_FUSED = "com.microsoft"
_OPSET, _FUSED_OPSET, _IR_VERSION = 17, 1, 9
_ACTIVATIONS = {"gelu": "BiasGelu", "gelu_new": "FastGelu", "gelu_pytorch_tanh": "FastGelu"}

Weights = Mapping[str, NDArray[np.float32]]


def build_encoder_graph(
    weights: Weights,
    config: Mapping[str, Any],
    *,
    pooling: str = "mean",
    taps: Sequence[int] = (),
    first_layer: int = 0,
    attention: str = "full",
) -> onnx.ModelProto:
    """The graph of an encoder with its pooling.

    Args:
        weights: The safetensors file's arrays under Hugging Face's names, with or without `bert.` in front.
        config: Its `config.json`.
        pooling: `mean` over unmasked tokens, or `first` token.
        taps: Layers whose states become outputs `tap{i}`, `(batch, tokens, width)`.
        first_layer: Where the graph begins; above 0 it reads the `state` after so many layers, and needs
            neither the weights of those nor the embeddings.
        attention: Which of `models.parts.attention` every layer uses.

    Raises:
        InvalidInputError: An activation, kind of position, attention, layer or tap this builder does not
            know, or a missing weight.
    """
    layers = int(config["num_hidden_layers"])
    if not 0 <= first_layer <= layers:
        raise InvalidInputError(
            f"first_layer must lie in 0 to {layers}, got {first_layer}; this encoder has {layers} layers"
        )
    lowest = first_layer + (first_layer > 0)
    if any(not lowest <= tap <= layers for tap in taps):
        raise InvalidInputError(
            f"taps must lie in {lowest} to {layers}, got {list(taps)}; this encoder has {layers} layers"
        )
    builder = _Builder(weights, config, attention)
    state = "state" if first_layer else builder.embed()
    for layer in range(first_layer, layers):
        state = builder.add_layer(layer, state)
    builder.pool(state, pooling)
    return builder.finish(taps, begins_at_state=first_layer > 0)


class _Builder:
    """Collects nodes and initialisers in order."""

    def __init__(self, weights: Weights, config: Mapping[str, Any], attention: str) -> None:
        self.weights = {name.removeprefix("bert."): array for name, array in weights.items()}
        self.config = config
        self.attention = find_plugin("attention", attention, ATTENTION)
        self.head_width = int(config["hidden_size"]) // int(config["num_attention_heads"])
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.shared = self.attention.prepare(self, mask="mask")
        activation = config.get("hidden_act", "gelu")
        if activation not in _ACTIVATIONS:
            raise InvalidInputError(
                f"the encoder's activation must be one of {', '.join(_ACTIVATIONS)}, got {activation!r}; "
                "choose another backbone"
            )
        self.activation = _ACTIVATIONS[activation]
        positions = config.get("position_embedding_type", "absolute")
        if positions != "absolute":
            raise InvalidInputError(
                f"the encoder's positions must be absolute, got {positions!r}; choose another backbone"
            )

    def weight(self, name: str) -> NDArray[np.float32]:
        if name not in self.weights:
            raise InvalidInputError(
                f"the encoder's weights lack '{name}'; choose a complete BERT-family backbone"
            )
        return self.weights[name].astype(np.float32)

    def constant(self, name: str, array: NDArray[Any]) -> str:
        self.initializers.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def node(
        self, op: str, inputs: Sequence[str], output: str, *, fused: bool = False, **attributes: float
    ) -> str:
        extra: dict[str, Any] = {**attributes, "domain": _FUSED if fused else ""}
        self.nodes.append(helper.make_node(op, inputs, [output], f"{output}.{op}", **extra))
        return output

    def norm(self, name: str) -> list[str]:
        """Scale and shift of a layer normalisation."""
        return [self.constant(f"{name}.{part}", self.weight(f"{name}.{part}")) for part in ("weight", "bias")]

    def embed(self) -> str:
        """Token, position and type embeddings; only type 0 is used, so it is folded into the positions."""
        words = self.constant("words", self.weight("embeddings.word_embeddings.weight"))
        folded = self.weight("embeddings.position_embeddings.weight")
        folded = folded + self.weight("embeddings.token_type_embeddings.weight")[0]
        positions = self.constant("positions", folded)
        inputs = ["input_ids", "", words, positions, "", *self.norm("embeddings.LayerNorm"), "mask"]
        self.nodes.append(
            helper.make_node(
                "EmbedLayerNormalization",
                inputs,
                ["tap0", "mask_index"],
                "tap0.EmbedLayerNormalization",
                domain=_FUSED,
                epsilon=self.config["layer_norm_eps"],
            )
        )
        return "tap0"

    def add_layer(self, layer: int, state: str) -> str:
        """Self-attention and feed-forward, each with its residual and normalisation."""
        at, to = f"encoder.layer.{layer}", f"layer{layer}"
        attended = self.attend(at, to, state)
        middle = self.add_and_norm(f"{at}.attention.output", f"{to}.attended", attended, state)
        grown = self.times(f"{at}.intermediate.dense", f"{to}.grow", middle)
        bias = self.constant(f"{to}.grow.bias", self.weight(f"{at}.intermediate.dense.bias"))
        active = self.node(self.activation, [grown, bias], f"{to}.active", fused=True)
        return self.add_and_norm(f"{at}.output", f"tap{layer + 1}", active, middle)

    def attend(self, at: str, to: str, state: str) -> str:
        parts = [f"{at}.attention.self.{part}" for part in ("query", "key", "value")]
        weight = np.concatenate([self.weight(f"{part}.weight").T for part in parts], axis=1)
        bias = np.concatenate([self.weight(f"{part}.bias") for part in parts])
        heads = weight.shape[1] // 3 // self.head_width
        projections = Projections(weight, bias, heads)
        return self.attention.emit(self, projections, state=state, mask="mask", shared=self.shared, to=to)

    def times(self, at: str, to: str, state: str) -> str:
        return self.node("MatMul", [state, self.constant(f"{to}.weight", self.weight(f"{at}.weight").T)], to)

    def add_and_norm(self, at: str, to: str, state: str, residual: str) -> str:
        product = self.times(f"{at}.dense", f"{to}.product", state)
        bias = self.constant(f"{to}.bias", self.weight(f"{at}.dense.bias"))
        inputs = [product, residual, *self.norm(f"{at}.LayerNorm"), bias]
        epsilon = self.config["layer_norm_eps"]
        return self.node("SkipLayerNormalization", inputs, to, fused=True, epsilon=epsilon)

    def pool(self, state: str, pooling: str) -> None:
        if pooling == "first":
            zero = self.constant("first", np.array(0, dtype=np.int64))
            self.node("Gather", [state, zero], "embedding", axis=1)
            return
        weights = self.node("Cast", ["mask"], "pool.mask", to=TensorProto.FLOAT)
        axis = self.constant("pool.axis", np.array([1], dtype=np.int64))
        row = self.node("Unsqueeze", [weights, axis], "pool.row")
        total = self.node("Squeeze", [self.node("MatMul", [row, state], "pool.sum"), axis], "pool.total")
        count = self.node("ReduceSum", [weights, axis], "pool.count", keepdims=1)
        self.node("Div", [total, count], "embedding")

    def finish(self, taps: Sequence[int], *, begins_at_state: bool) -> onnx.ModelProto:
        width = int(self.config["hidden_size"])
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.INT32, ["batch", "tokens"])
            for name in ("input_ids", "mask")
        ]
        if begins_at_state:
            inputs[0] = helper.make_tensor_value_info("state", TensorProto.FLOAT, ["batch", "tokens", width])
        outputs = [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", width])]
        outputs += [
            helper.make_tensor_value_info(f"tap{tap}", TensorProto.FLOAT, ["batch", "tokens", width])
            for tap in taps
        ]
        graph = helper.make_graph(self.nodes, "encoder", inputs, outputs, self.initializers)
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_FUSED, _FUSED_OPSET)]
        return helper.make_model(
            graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="smallcraft"
        )
