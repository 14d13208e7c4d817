"""One OCI manifest as a value: the files it holds, the blobs they are made of, and whom it is attached to.

Holds the rules only: values in, bytes out. A file is a layer of its own; or a recipe over the blobs
listed beside it (`content.blocks`); or one of many in a pack whose index lists them (`content.packs`).
Always: equal values give equal bytes, layers in order of their paths; every blob that is needed to read
a file is a layer, so that a tool that copies the manifest copies all of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smallcraft.canonical import canonical_json
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.records import StoredFile
from smallcraft.registry.manifests.kinds import (
    BLOCKS_TYPE,
    DIGEST_ANNOTATION,
    EMPTY_CONTENT,
    EMPTY_TYPE,
    MANIFEST_TYPE,
    MODEL_CONFIG_TYPE,
    PACK_INDEX_TYPE,
    PACK_TYPE,
    PATH_ANNOTATION,
    RECIPE_TYPE,
    SIZE_ANNOTATION,
    media_type_of,
)
from smallcraft.registry.tlog.entry import Content

LARGEST_BYTES = 16 << 20

_PATH_LIMIT = 400
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_COUNT = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True)
class FileLayer:
    """A file of a release, and the recipe that makes it where it is no blob of its own."""

    file: StoredFile
    recipe: Content | None = None


@dataclass(frozen=True)
class PackLayer:
    """Many small files in one blob; the index lists them."""

    pack: Content
    index: Content


@dataclass(frozen=True)
class Manifest:
    """What one manifest says.

    Attributes:
        artifact_type: The model's, or an attachment's.
        files: By path.
        blocks: Blobs that recipes take ranges of.
        packs: In the order they were made.
        config: ModelPack's description of the model; the empty object for an attachment.
        subject: The manifest it is attached to.
    """

    artifact_type: str
    files: tuple[FileLayer, ...]
    blocks: tuple[Content, ...] = ()
    packs: tuple[PackLayer, ...] = ()
    config: Content = EMPTY_CONTENT
    subject: Content | None = None

    @property
    def blobs(self) -> tuple[Content, ...]:
        """Every stored blob that it needs, itself aside."""
        files = (layer.recipe or Content(layer.file.digest, layer.file.size_bytes) for layer in self.files)
        packs = (content for layer in self.packs for content in (layer.pack, layer.index))
        return (self.config, *files, *self.blocks, *packs)


def check_paths(paths: Iterable[str]) -> None:
    """Refuse paths that could leave the folder they are written to, or stand in each other's way.

    Raises:
        InvalidInputError: A path is empty, absolute, has `.`, `..`, an empty part, a backslash or
            an unprintable character, or is a folder of another one.
    """
    known = set(paths)
    for path in sorted(known):
        parts = path.split("/")
        if not path.isprintable() or "\\" in path or {"", ".", ".."} & set(parts):
            raise InvalidInputError(
                f"a release's file path must be relative, with '/' between plain names, got "
                f"{path!r}; write for example 'bundle/model.onnx'"
            )
        if len(path) > _PATH_LIMIT:
            raise InvalidInputError(
                f"a release's file path holds at most {_PATH_LIMIT} characters, got {len(path)} in "
                f"{path[:40]!r}...; shorten it"
            )
        folders = {"/".join(parts[:depth]) for depth in range(1, len(parts))}
        if both := folders & known:
            raise InvalidInputError(
                f"'{min(both)}' cannot be a file and the folder of '{path}'; rename one of them"
            )


def encode_manifest(manifest: Manifest) -> bytes:
    """Canonical JSON of a manifest.

    Raises:
        InvalidInputError: A path given twice, one that `check_paths` refuses, or more layers than a manifest
            can hold.
    """
    paths = [layer.file.path for layer in manifest.files]
    if len(set(paths)) < len(paths):
        raise InvalidInputError("a release's file paths must differ, one is given twice")
    check_paths(paths)
    layers = [_file_layer(layer) for layer in sorted(manifest.files, key=lambda layer: layer.file.path)]
    layers += [_descriptor(BLOCKS_TYPE, content) for content in manifest.blocks]
    for layer in manifest.packs:
        layers += [_descriptor(PACK_TYPE, layer.pack), _descriptor(PACK_INDEX_TYPE, layer.index)]
    config_type = EMPTY_TYPE if manifest.config == EMPTY_CONTENT else MODEL_CONFIG_TYPE
    value: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "artifactType": manifest.artifact_type,
        "config": _descriptor(config_type, manifest.config),
        # OCI wants one layer at least
        "layers": layers or [_descriptor(EMPTY_TYPE, EMPTY_CONTENT)],
    }
    if manifest.subject is not None:
        value["subject"] = _descriptor(MANIFEST_TYPE, manifest.subject)
    data = canonical_json(value)
    if len(data) > LARGEST_BYTES:
        raise InvalidInputError(
            f"a manifest must have at most {LARGEST_BYTES:,} bytes, got {len(data):,} for {len(paths):,} "
            "files; store many small files as one archive or array"
        )
    return data


def model_config(name: str, layers: Sequence[Content]) -> bytes:
    """ModelPack's config document; it binds the model to the name that it was released under.

    Source:
        CNCF ModelPack model-spec v1, config: `descriptor`, `modelfs`, `config`.
    """
    return canonical_json(
        {
            "descriptor": {"name": name},
            "config": {"format": "smallcraft-bundle"},
            "modelfs": {"type": "layers", "diffIds": [content.digest for content in layers]},
        }
    )


def named_in_config(data: bytes, *, digest: str) -> str:
    """The release's name in a model's config document.

    Raises:
        IntegrityError: There is none.
    """
    value = parse_object(data, what=f"the model's config {digest}")
    described = value.get("descriptor")
    name = described.get("name") if isinstance(described, dict) else None
    if not isinstance(name, str):
        raise IntegrityError(f"the model's config {digest} names no release; restore it from a copy")
    return name


def parse_manifest(data: bytes, *, digest: str) -> Manifest:
    """Read a manifest whose bytes were checked against `digest`.

    Raises:
        IntegrityError: It is not a manifest that a registry writes.
    """
    try:
        value = json.loads(data, object_pairs_hook=_refuse_duplicates)
        manifest = _manifest_from(value)
        check_paths(layer.file.path for layer in manifest.files)
        is_exact = encode_manifest(manifest) == data
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InvalidInputError) as error:
        raise IntegrityError(
            f"manifest {digest} cannot be read ({error}); do not serve its release, restore the "
            "registry from a copy"
        ) from error
    if not is_exact:
        raise IntegrityError(
            f"manifest {digest} is not in the form a registry writes; do not serve its release, restore the "
            "registry from a copy"
        )
    return manifest


def parse_object(data: bytes, *, what: str) -> Mapping[str, Any]:
    """A JSON object without a key that stands twice.

    Raises:
        IntegrityError: It is none.
    """
    try:
        value = json.loads(data, object_pairs_hook=_refuse_duplicates)
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"{what} cannot be read ({error}); restore it from a copy") from error
    if not isinstance(value, dict):
        raise IntegrityError(f"{what} must be a JSON object; restore it from a copy")
    return value


def _file_layer(layer: FileLayer) -> dict[str, object]:
    file = layer.file
    if layer.recipe is None:
        described = _descriptor(media_type_of(file.path), Content(file.digest, file.size_bytes))
        return {**described, "annotations": {PATH_ANNOTATION: file.path}}
    annotations = {
        PATH_ANNOTATION: file.path,
        DIGEST_ANNOTATION: file.digest,
        SIZE_ANNOTATION: str(file.size_bytes),
    }
    return {**_descriptor(RECIPE_TYPE, layer.recipe), "annotations": annotations}


def _descriptor(media_type: str, content: Content) -> dict[str, object]:
    return {"mediaType": media_type, "digest": content.digest, "size": content.size_bytes}


def _manifest_from(value: Mapping[str, Any]) -> Manifest:
    if value["mediaType"] != MANIFEST_TYPE:
        raise ValueError(f"its type is {value['mediaType']}")
    files, blocks, packs = [], [], []
    layers = [layer for layer in value["layers"] if layer["mediaType"] != EMPTY_TYPE]
    for number, layer in enumerate(layers):
        kind, content = layer["mediaType"], _content(layer)
        if kind == BLOCKS_TYPE:
            blocks.append(content)
        elif kind == PACK_TYPE and "annotations" not in layer:
            packs.append(PackLayer(content, _content(layers[number + 1])))
        elif kind != PACK_INDEX_TYPE:
            files.append(_file_of(layer, content))
    return Manifest(
        artifact_type=str(value["artifactType"]),
        files=tuple(files),
        blocks=tuple(blocks),
        packs=tuple(packs),
        config=_content(value["config"]),
        subject=_content(value["subject"]) if "subject" in value else None,
    )


def _file_of(layer: Mapping[str, Any], content: Content) -> FileLayer:
    annotations = layer["annotations"]
    path = str(annotations[PATH_ANNOTATION])
    if layer["mediaType"] != RECIPE_TYPE:
        return FileLayer(StoredFile(path, content.digest, content.size_bytes))
    size = annotations[SIZE_ANNOTATION]
    if not _COUNT.fullmatch(size):
        raise ValueError(f"a size in bytes expected, got {size!r}")
    made = _content({"digest": annotations[DIGEST_ANNOTATION], "size": int(size)})
    return FileLayer(StoredFile(path, made.digest, made.size_bytes), recipe=content)


def _content(value: Mapping[str, Any]) -> Content:
    digest, size = value["digest"], value["size"]
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"sha256:<64 hex digits> expected, got {digest!r}")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ValueError(f"a size in bytes expected, got {size!r}")
    return Content(digest, size)


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key stands twice")
    return value
