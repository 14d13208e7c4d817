"""Low-rank changes of an encoder (LoRA): merged into its weights, or as inputs of a graph that tasks share.

Leaves to others: training them (`models.tuning`), switching them on (`bundle.trunk.adapter`).
Always: the graph without an adapter computes what the plain graph does: to the bit in INT8, where only the
products' place in the graph differs, to the last digits in fp32, where the engine adds in another order. Each
adapter may have a rank of its own.
Not covered: encoders whose attention is not the fused operator; biases and normalisations.

Source:
    Hu et al. (2021), LoRA: low-rank adaptation of large language models, section 4.1.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from smallcraft.bundle.trunk.adapter import DOWN, UP
from smallcraft.errors import InvalidInputError, nearest_name
from smallcraft.models.encoders import EncoderSource
from smallcraft.models.forms import Form
from smallcraft.models.graph import build_encoder_graph
from smallcraft.models.quantize import quantize_encoder

QUERY_AND_VALUE = ("attention.self.query", "attention.self.value")
_ATTENDING = ("attention.self.query", "attention.self.key", "attention.self.value")
# What `models.graph` calls the product of each; the layer's number fills the braces.
_PRODUCTS = {
    **{part: f"layer{{0}}.{part.rpartition('.')[2]}" for part in _ATTENDING},
    "attention.output.dense": "layer{0}.attended.product",
    "intermediate.dense": "layer{0}.grow",
    "output.dense": "tap{1}.product",
}
_VERSION = 1

Places = Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class LowRank:
    """The change `down @ up` of one product.

    Attributes:
        down: `(in, rank)` float32.
        up: `(rank, out)` float32, any scale already in it.
    """

    down: NDArray[np.float32]
    up: NDArray[np.float32]


@dataclass(frozen=True)
class Adapter:
    """Changes by the module they belong to.

    Attributes:
        changes: Hugging Face's module names without `bert.`, such as `encoder.layer.0.attention.self.query`.
    """

    changes: Mapping[str, LowRank]


def merge(source: EncoderSource, adapter: Adapter) -> EncoderSource:
    """The encoder with the changes added to its weights.

    Args:
        source: The encoder that the adapter was trained on.
        adapter: Its changes.

    Raises:
        InvalidInputError: A change of a module that the encoder does not have, or of other widths.
    """
    weights = dict(source.weights)
    for place, change in adapter.changes.items():
        name = f"{place}.weight"
        if name not in weights or weights[name].T.shape != (change.down.shape[0], change.up.shape[1]):
            raise InvalidInputError(
                f"the adapter changes '{place}', which encoder '{source.name}' has not, or in other widths; "
                "merge it into the encoder that it was trained on"
            )
        weights[name] = weights[name] + (change.down @ change.up).T.astype(np.float32)
    return replace(source, name=f"{source.name}, adapted", weights=weights)


def adapter_bytes(adapter: Adapter) -> bytes:
    """The adapter as an `.onnx_adapter` file."""
    written = onnxruntime.AdapterFormat()
    written.set_adapter_version(_VERSION)
    written.set_model_version(_VERSION)
    arrays = {
        f"{place}{end}": np.ascontiguousarray(array, dtype=np.float32)
        for place, change in sorted(adapter.changes.items())
        for end, array in ((DOWN, change.down), (UP, change.up))
    }
    written.set_parameters(
        {name: onnxruntime.OrtValue.ortvalue_from_numpy(array) for name, array in arrays.items()}
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "adapter.onnx_adapter"
        written.export_adapter(str(path))
        return path.read_bytes()


@dataclass(frozen=True)
class AdaptableGraph:
    """A graph with low-rank inputs.

    Attributes:
        model: The graph; without an adapter its changes have rank 0.
        places: For each module that may change its `[in, out]` widths.
    """

    model: onnx.ModelProto
    places: Places


def build_adaptable_graph(
    source: EncoderSource, *, form: Form = "int8", modules: Sequence[str] = QUERY_AND_VALUE
) -> AdaptableGraph:
    """The encoder's graph with two inputs for each product that may change.

    Args:
        source: The encoder.
        form: How the encoder itself is written; adapters are float32 in both.
        modules: Which products of every layer may change.

    Raises:
        InvalidInputError: A module that no layer has, or an attention other than the full one.
    """
    for module in modules:
        if module not in _PRODUCTS:
            raise InvalidInputError(
                f"an adapter may change {', '.join(_PRODUCTS)}, got '{module}'"
                f"{nearest_name(module, _PRODUCTS)}"
            )
    if source.config.get("attention", "full") != "full":
        raise InvalidInputError(
            f"adapters need an encoder with full attention, '{source.name}' has "
            f"{source.config['attention']!r}; merge the adapter into its weights instead"
        )
    model = build_encoder_graph(source.weights, source.config, pooling=source.pooling)
    _split_attention(model)
    products = {
        f"encoder.layer.{layer}.{module}": _PRODUCTS[module].format(layer, layer + 1)
        for layer in range(source.layers)
        for module in modules
    }
    states = _read_states(model)
    places = {place: source.weights[f"{place}.weight"].T.shape for place in products}
    model = quantize_encoder(model) if form == "int8" else model
    _add_changes(model, products, states, places)
    return AdaptableGraph(model, places)


def _split_attention(model: onnx.ModelProto) -> None:
    """Each fused attention as a product, its three parts, and the mixing: the parts can then be changed."""
    nodes = []
    for node in model.graph.node:
        if node.op_type != "Attention":
            nodes.append(node)
            continue
        state, weight, bias, mask = node.input
        (heads,) = (attribute.i for attribute in node.attribute if attribute.name == "num_heads")
        layer = node.output[0].removesuffix(".heads")
        parts = [f"{layer}.{part}" for part in ("query", "key", "value")]
        nodes += [
            helper.make_node("MatMul", [state, weight], [f"{layer}.projected"]),
            helper.make_node("Split", [f"{layer}.projected"], parts, axis=-1),
            helper.make_node(
                "MultiHeadAttention",
                [*parts, bias, mask],
                [node.output[0]],
                domain=node.domain,
                num_heads=heads,
            ),
        ]
    _replace_nodes(model, nodes)


def _read_states(model: onnx.ModelProto) -> Mapping[str, str]:
    """For each product, and each part of one, the state it is of."""
    found: dict[str, str] = {}
    for node in model.graph.node:
        for output in node.output:
            found[output] = found[node.input[0]] if node.op_type == "Split" else node.input[0]
    return found


def _add_changes(
    model: onnx.ModelProto, products: Mapping[str, str], states: Mapping[str, str], places: Places
) -> None:
    """Add `(state @ down) @ up` to each product, behind it; the factors are inputs, of rank 0 by default.

    Args:
        model: Is changed.
        products: For each place the product's name.
        states: For each product the state it is of.
        places: For each place its widths.
    """
    place_of = {product: place for place, product in products.items()}
    nodes = []
    for node in model.graph.node:
        changed = [output for output in node.output if output in place_of]
        node.output[:] = [f"{output}.plain" if output in changed else output for output in node.output]
        nodes.append(node)
        for product in changed:
            place = place_of[product]
            down, up = _add_inputs(model, place, places[place])
            low, change = f"{product}.low", f"{product}.change"
            nodes += [
                helper.make_node("MatMul", [states[product], down], [low]),
                helper.make_node("MatMul", [low, up], [change]),
                helper.make_node("Add", [f"{product}.plain", change], [product]),
            ]
    _replace_nodes(model, nodes)


def _add_inputs(model: onnx.ModelProto, place: str, shape: Sequence[int]) -> tuple[str, str]:
    width, outer = shape
    names = f"{place}{DOWN}", f"{place}{UP}"
    for name, sizes in zip(names, ((width, 0), (0, outer)), strict=True):
        # A name of its own a place: the engine plans its buffers as if equal names were equal sizes.
        free = [size or f"{place}.rank" for size in sizes]
        model.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, free))
        model.graph.initializer.append(numpy_helper.from_array(np.zeros(sizes, np.float32), name))
    return names


def _replace_nodes(model: onnx.ModelProto, nodes: Sequence[onnx.NodeProto]) -> None:
    del model.graph.node[:]
    model.graph.node.extend(nodes)
