"""Writes trunks, and packs: tasks on a trunk, without its encoder.

Leaves to others: reading them (`bundle.trunk`), training heads and adapters.
Always: a trunk's encoder has the very files that a bundle of the same encoder has, so every such bundle is a
task of it; a pack lists each of its files by digest, and the trunk's that it stands on.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from smallcraft.bundle.layout import BundleFiles, BundleWriter, listed_digests, read_description
from smallcraft.bundle.selfcheck import GOLDEN, golden_answers
from smallcraft.bundle.trunk.roots import ENCODER, Roots, encoders_of, read_roots
from smallcraft.bundle.trunk.task import PACK, read_task
from smallcraft.errors import InvalidInputError
from smallcraft.models.adapters import (
    QUERY_AND_VALUE,
    AdaptableGraph,
    Adapter,
    adapter_bytes,
    build_adaptable_graph,
)
from smallcraft.models.encoders import EncoderSource, write_encoder
from smallcraft.models.forms import Form
from smallcraft.models.quantize import part_graph

ADAPTABLE, ADAPTER = "adaptable.onnx", "adapter.onnx_adapter"


@dataclass(frozen=True)
class Pack:
    """A pack that was written.

    Attributes:
        path: Its directory.
        digest: Of its `pack.json`.
        size_bytes: Of all its files, `pack.json` included.
    """

    path: Path
    digest: str
    size_bytes: int


def write_trunk(
    source: EncoderSource,
    target: Path,
    *,
    form: Form = "int8",
    modules: Sequence[str] = QUERY_AND_VALUE,
) -> str:
    """Write an encoder as bundles have it, and a second graph with low-rank inputs over the same weights.

    Args:
        source: The encoder.
        target: A directory that does not exist yet.
        form: Rounded, or not.
        modules: Which products of every layer an adapter may change; none leaves that graph out.

    Returns:
        The digest of its description.

    Raises:
        InvalidInputError: The source lacks a weight, or cannot be changed there.
    """
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "encoder"
        write_encoder(source, plain, form=form)
        description, _ = read_description(plain)
        files = BundleFiles(plain, listed_digests(description))
        writer = BundleWriter(target)
        for path in files.digests:
            writer.add(path, files.read(path))
    described: dict[str, Any] = {ENCODER: description[ENCODER]}
    if modules:
        adaptable = build_adaptable_graph(source, form=form, modules=modules)
        described["adaptable"] = _add_adaptable(writer, adaptable, description[ENCODER]["weights"])
    return writer.finish(described)


def _add_adaptable(
    writer: BundleWriter, adaptable: AdaptableGraph, weights: Sequence[str]
) -> Mapping[str, Any]:
    """Its graph; its weights are those of the plain graph, byte for byte."""
    parted = part_graph(adaptable.model, table=weights[0], weights=weights[-1], path=ADAPTABLE)
    written = [writer.add(path, data) for path, data in parted.contents.items()]
    assert written == list(parted.contents), "both graphs name and order the same weights"
    return {"model": ADAPTABLE, "weights": list(parted.weights), "places": adaptable.places}


def write_pack(bundle: Path, target: Path, *, trunk: Path, adapter: Adapter | None = None) -> Pack:
    """Write a bundle as a task of a trunk: all of it but the encoder, and a self-check made on the trunk.

    Args:
        bundle: A bundle on the trunk's encoder; with an adapter, one whose encoder was trained from it.
        target: A directory that does not exist yet.
        trunk: The trunk's directory.
        adapter: What was trained, as changes of the trunk's encoder; the pack then runs these.

    Raises:
        InvalidInputError: The bundle's encoder is not the trunk's and there is no adapter, or the adapter is
            not for this trunk; or the bundle has several encoders.
        NotFoundError: There is no such bundle or trunk.
    """
    roots = read_roots(trunk)
    description, _ = read_description(bundle)
    files = BundleFiles(bundle, listed_digests(description))
    if adapter is None:
        read_task(bundle.name, bundle, roots)
    contents = {path: files.read(path) for path in _own_paths(description, files, roots)}
    described = _on_trunk(description, files, roots)
    if adapter is not None:
        contents[ADAPTER] = adapter_bytes(adapter)
        described["adapter"] = ADAPTER
    with tempfile.TemporaryDirectory() as folder:
        draft = _write(Path(folder) / "draft", contents, described)
        made = read_task(bundle.name, draft.path, roots).load(roots)
        golden = golden_answers(made.stages, made.decoder, made.spec)
    return _write(target, contents, described, golden=golden)


def _write(
    target: Path,
    contents: Mapping[str, bytes],
    described: Mapping[str, Any],
    *,
    golden: Mapping[str, NDArray[Any]] | None = None,
) -> Pack:
    writer = BundleWriter(target)
    for path, data in contents.items():
        writer.add(path, data)
    if golden is not None:
        writer.add_arrays(GOLDEN, golden)
    digest = writer.finish(described, name=PACK)
    size = (target / PACK).stat().st_size + sum(size for _, size in writer.files.values())
    return Pack(target, digest, size)


def _own_paths(description: Mapping[str, Any], files: BundleFiles, roots: Roots) -> list[str]:
    """What the trunk does not have and the bundle's own encoder does not take with it."""
    found = encoders_of(description)
    if len(found) != 1:
        raise InvalidInputError(
            f"a pack leaves out the one encoder of a bundle, {files.root} has {len(found)}; take a bundle of "
            "the rung frozen or lora"
        )
    if files.digests[found[0]["tokenizer"]] != roots.files.digests[roots.spec["tokenizer"]]:
        raise InvalidInputError(
            f"{files.root} cuts texts into other tokens than the trunk {roots.files.root}; build it again "
            "with the trunk's backbone"
        )
    left = {found[0]["model"], *found[0]["weights"], GOLDEN}
    return [path for path, digest in files.digests.items() if path not in left and digest not in roots.paths]


def _on_trunk(description: Mapping[str, Any], files: BundleFiles, roots: Roots) -> dict[str, Any]:
    """The bundle's description with the trunk's encoder in the place of its own."""
    theirs = {key: roots.spec[key] for key in ("model", "weights", "tokenizer")}
    stages = [
        {
            **stage,
            "blocks": [
                {**block, **theirs} if block["kind"] == ENCODER else block for block in stage["blocks"]
            ],
        }
        for stage in description["stages"]
    ]
    shared = {path: digest for path, digest in files.digests.items() if digest in roots.paths}
    shared |= {path: digest for digest, path in roots.paths.items()}
    kept = {key: value for key, value in description.items() if key not in ("files", "format")}
    return {**kept, "stages": stages, "shared": shared}
