"""The work that every server does: what is asked, what is right, and the model's files.

`linear`: 384 numbers to 77 classes, in ONNX for the peers, of the same weights as a bundle for smallcraft.
`text`: a sentence to 77 classes by MiniLM in INT8 under a linear head; a bundle for smallcraft, for the peers
that bundle's own graph and tokenizer.
Always: the same seed gives the same files; what is right comes from numpy, or from the bundle asked alone,
and not from a server. Head and rows are random: what serving costs does not depend on what the classes mean.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import read_banking77

Kind = Literal["linear", "text"]
WIDTH, CLASSES = 384, 77
_SEED, _ROWS, _TEXTS = 7, 64, 256
_OPSET, _IR_VERSION = 17, 9


@dataclass(frozen=True)
class Work:
    """What is asked of a model.

    Attributes:
        kind: `linear` or `text`.
        folder: Of the models' files.
        bundle: Of smallcraft.
        twin: The same with another digest, to be rolled out.
        values: What each request asks about: 384 numbers, or a text.
        classes: The 77 names.
        right: `(len(values), 77)` float64, the probabilities.
        tolerance: Largest difference of a probability that is still right, for a peer.
    """

    kind: Kind
    folder: Path
    bundle: Path
    twin: Path
    values: Sequence[Any]
    classes: tuple[str, ...]
    right: NDArray[np.float64]
    tolerance: float

    @property
    def field(self) -> str:
        """Of a plain request."""
        return "features" if self.kind == "linear" else "text"


def make_linear_work(folder: Path) -> Work:
    """Write `linear.onnx`, `classes.json` and the bundle below `folder`."""
    rng = np.random.default_rng(_SEED)
    # Embeddings of length 1, with the digits that people send.
    rows = rng.normal(size=(_ROWS, WIDTH))
    rows = np.round(rows / np.linalg.norm(rows, axis=1, keepdims=True), 6)
    weights = rng.normal(size=(WIDTH, CLASSES)).astype(np.float32) * 4
    bias = rng.normal(size=CLASSES).astype(np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    classes = _write_classes(folder)
    _write_graph(folder / "linear.onnx", weights, bias)
    bundle, twin = (
        _write_linear_bundle(folder / "bundles", weights, bias, classes, about={"rung": name})
        for name in ("linear", "twin")
    )
    right = _softmax(rows.astype(np.float32).astype(np.float64) @ weights.astype(np.float64) + bias)
    return Work("linear", folder, bundle, twin, rows.tolist(), classes, right, tolerance=1e-4)


def make_text_work(folder: Path) -> Work:
    """Write the encoder's bundle and its head below `folder`; the texts are banking77's.

    Raises:
        AbsentDataError: The texts are not there.
        NotFoundError: No encoder is.
    """
    texts = list(map(str, read_banking77().test.columns["text"][:_TEXTS]))
    rng = np.random.default_rng(_SEED)
    weights = rng.normal(size=(WIDTH, CLASSES)).astype(np.float32)
    bias = rng.normal(size=CLASSES).astype(np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    classes = _write_classes(folder)
    (bundle, twin), gain = _write_text_bundles(folder, weights, bias, classes)
    np.savez(folder / "text-head.npz", weights=weights, bias=bias, gain=np.float32(gain))
    from smallcraft.bundle.runtime import open_bundle

    right = open_bundle(bundle).predict_proba(texts)
    # Peers run several texts at once: a row's INT8 ranges are then those of its batch, and a probability was
    # seen to move by 0.37.
    return Work("text", folder, bundle, twin, texts, classes, right, tolerance=0.6)


def _write_classes(folder: Path) -> tuple[str, ...]:
    classes = tuple(f"class_{number:02d}" for number in range(CLASSES))
    (folder / "classes.json").write_text(json.dumps(classes), encoding="utf-8")
    return classes


def _write_graph(path: Path, weights: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
    from onnx import TensorProto, helper, numpy_helper, save

    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["features", "weights", "bias"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        ],
        "linear",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", WIDTH])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", CLASSES])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")],
    )
    opset = [helper.make_opsetid("", _OPSET)]
    save(helper.make_model(graph, opset_imports=opset, ir_version=_IR_VERSION), str(path))


def _write_linear_bundle(
    target: Path,
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
    classes: tuple[str, ...],
    *,
    about: Mapping[str, str],
) -> Path:
    from smallcraft.bundle.blocks.columns import ColumnsBlock
    from smallcraft.bundle.decoder import Decoder
    from smallcraft.bundle.heads.linear import LinearHead, exact_weights
    from smallcraft.bundle.inputs import InputSpec
    from smallcraft.bundle.stage import Stage
    from smallcraft.models.export import write_bundle

    spec = InputSpec(numbers=tuple(f"f{number}" for number in range(WIDTH)))
    head = LinearHead(bias, (exact_weights(weights.astype(np.float64)),))
    stage = Stage("linear", (ColumnsBlock(WIDTH, ()),), head)
    return write_bundle(target, (stage,), Decoder(1.0), classes=classes, spec=spec, about=about)[0]


def _write_text_bundles(
    folder: Path, weights: NDArray[np.float32], bias: NDArray[np.float32], classes: tuple[str, ...]
) -> tuple[list[Path], float]:
    """Bundle and twin, and the length of an embedding; the peers look for `text-bundle` and its graph."""
    from smallcraft.bundle.decoder import Decoder
    from smallcraft.bundle.heads.linear import LinearHead, exact_weights
    from smallcraft.bundle.inputs import InputSpec
    from smallcraft.bundle.layout import BundleFiles, listed_digests, read_description
    from smallcraft.bundle.stage import Stage
    from smallcraft.models.backbone import find_backbone
    from smallcraft.models.encoders import source_of
    from smallcraft.models.export import write_bundle
    from smallcraft.models.packs import write_trunk
    from smallcraft.models.parts.encoder import make_encoder

    write_trunk(source_of(find_backbone("auto")), folder / "trunk")
    files = BundleFiles(folder / "trunk", listed_digests(read_description(folder / "trunk")[0]))
    encoder = make_encoder(files)
    head = LinearHead(bias, (exact_weights(weights.astype(np.float64)),))
    stages, spec = (Stage("frozen", (encoder,), head),), InputSpec(text="text")
    made = []
    for name in ("text-bundle", "text-twin"):
        about = {"rung": name}
        path, _ = write_bundle(folder, stages, Decoder(1.0), classes=classes, spec=spec, about=about)
        made.append(path.rename(folder / name))
    return made, float(encoder.spec["gain"])


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares
