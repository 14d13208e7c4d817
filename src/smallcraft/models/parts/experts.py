"""Writes a trunk and its experts as graphs, and makes the block and the head that a stage of experts needs.

Leaves to others: training (`models.experts`), the graph (`models.graph`), rounding (`models.quantize`).
Always: the trunk's token table is the encoder's own file, which `fast` reads too; the same parts give the
same bytes.
Not covered: experts of different encoders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from smallcraft.bundle.blocks.experts import ExpertsBlock
from smallcraft.bundle.blocks.static import TABLE
from smallcraft.bundle.heads.linear import LinearHead, exact_weights, quantize_weights
from smallcraft.bundle.layout import BundleFiles, BundleWriter, listed_digests, read_description
from smallcraft.bundle.stage import Stage
from smallcraft.models.encoders import EncoderSource
from smallcraft.models.forms import Form
from smallcraft.models.graph import build_encoder_graph
from smallcraft.models.quantize import GraphFiles, part_graph, quantize_encoder


@dataclass(frozen=True)
class Expert:
    """One expert as trained.

    Attributes:
        weights: Of the layers above the trunk, by the encoder's names.
        head: `(width + 1, k)`, the bias last.
    """

    weights: Mapping[str, NDArray[np.float32]]
    head: NDArray[np.float64]


@dataclass(frozen=True)
class Routing:
    """Who is asked about which row.

    Attributes:
        clusters: `(k,)` int64, the expert of each class.
        scale: The router's inverse temperature.
    """

    clusters: NDArray[np.int64]
    scale: float

    @property
    def n_experts(self) -> int:
        """Number of clusters."""
        return int(self.clusters.max()) + 1


def write_graphs(
    source: EncoderSource,
    experts: Sequence[Expert],
    target: Path,
    *,
    first_layer: int,
    form: Form,
    encoder: Mapping[str, Any],
) -> BundleFiles:
    """Write the trunk and every expert as a directory that `BundleFiles` reads.

    Args:
        source: The encoder whose lower layers are the trunk.
        experts: What stands above it.
        target: A directory that does not exist yet.
        first_layer: The experts' first layer, at least 1.
        form: Rounded, or not.
        encoder: The written encoder's description: special tokens and limits are the same.
    """
    writer = BundleWriter(target)
    trunk = {**source.config, "num_hidden_layers": first_layer}
    below = build_encoder_graph(source.weights, trunk, pooling=source.pooling, taps=[first_layer])
    written = [_add(writer, keep_output(below, f"tap{first_layer}"), "trunk", form=form)]
    for number, expert in enumerate(experts):
        weights = {**source.weights, **expert.weights}
        graph = build_encoder_graph(weights, source.config, pooling=source.pooling, first_layer=first_layer)
        written.append(_add(writer, graph, f"expert{number}", form=form))
    kept = {name: encoder[name] for name in ("width", "longest", "first", "last")}
    writer.finish({"graphs": {**kept, "trunk": written[0], "experts": written[1:]}})
    return open_graphs(target)


def open_graphs(target: Path) -> BundleFiles:
    """What `write_graphs` wrote."""
    return BundleFiles(target, listed_digests(read_description(target)[0]))


def make_experts_stage(
    name: str,
    router: Stage,
    routing: Routing,
    experts: Sequence[Expert],
    *,
    graphs: BundleFiles,
    encoder: BundleFiles,
    gain: float,
    form: Form,
) -> Stage:
    """The stage: the block over the written graphs, and one linear head over all experts' embeddings.

    Args:
        name: The stage's.
        router: The stage that routes.
        routing: Clusters and the router's scale.
        experts: As trained.
        graphs: As `write_graphs` wrote them.
        encoder: The written encoder, for its tokenizer.
        gain: Length that embeddings are scaled to, as in training.
        form: Of the head.
    """
    described = read_description(graphs.root)[0]["graphs"]
    spec = {**described, "gain": gain, "scale": routing.scale}
    spec = spec if form == "int8" else {**spec, "form": form}
    tokenizer = encoder.tokenizer(read_description(encoder.root)[0]["encoder"]["tokenizer"])
    trunk = graphs.open_graph(spec["trunk"]["model"], spec["trunk"]["weights"])
    block = ExpertsBlock(tokenizer, router, routing.clusters, trunk, spec, graphs)
    weights = np.vstack([expert.head for expert in experts])
    part = exact_weights(weights) if form == "fp32" else quantize_weights(weights)
    return Stage(name, (block,), LinearHead(np.zeros(weights.shape[1], np.float32), (part,)))


def keep_output(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """The graph cut down to what one of its outputs needs."""
    needed, nodes = {name}, []
    for node in reversed(model.graph.node):
        if needed & set(node.output):
            nodes.append(node)
            needed.update(node.input)
    cut = helper.make_graph(
        nodes[::-1],
        model.graph.name,
        list(model.graph.input),
        [output for output in model.graph.output if output.name == name],
        [constant for constant in model.graph.initializer if constant.name in needed],
    )
    return helper.make_model(
        cut,
        opset_imports=list(model.opset_import),
        ir_version=model.ir_version,
        producer_name=model.producer_name,
    )


def _add(writer: BundleWriter, graph: onnx.ModelProto, stem: str, *, form: Form) -> Mapping[str, Any]:
    rounded = quantize_encoder(graph) if form == "int8" else graph
    files: GraphFiles = part_graph(rounded, table=TABLE, weights=f"{stem}-weights.bin", path=f"{stem}.onnx")
    for path, data in files.contents.items():
        writer.add(path, data)
    return {"model": files.model, "weights": list(files.weights)}
