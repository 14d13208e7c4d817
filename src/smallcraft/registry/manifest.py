"""OCI manifests and index: which stored blobs make a release, in formats that other tools read.

Holds the rules only: values in, bytes out. A release is one OCI image manifest with the artifact
type of CNCF ModelPack, a layer a file with its path, and the release's facts as the config.
Always: equal content gives equal manifest bytes; name, version and time are in the log entry, not
here, so the same content published again is recognised by its digest.
Not covered: ModelPack's own config document. Its schema is closed and has no place for our facts,
so the config carries a media type of ours; readers of the layers do not need it.
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
from smallcraft.registry.log import Entry

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
MODEL_TYPE = "application/vnd.cncf.model.manifest.v1+json"
FACTS_TYPE = "application/vnd.smallcraft.release.facts.v1+json"
PATH_ANNOTATION = "org.cncf.model.filepath"
OCI_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'

_WEIGHT_TYPE = "application/vnd.cncf.model.weight.v1.raw"
_WEIGHT_CONFIG_TYPE = "application/vnd.cncf.model.weight.config.v1.raw"
_DOC_TYPE = "application/vnd.cncf.model.doc.v1.raw"
_DATASET_TYPE = "application/vnd.cncf.model.dataset.v1.raw"
_RECORD_TYPE = "application/vnd.smallcraft.{}.v1+json"

_WEIGHT_ENDINGS = (".safetensors", ".onnx", ".npz", ".npy", ".bin")
_DOC_ENDINGS = (".md", ".html", ".pdf", ".svg", ".png")
_DATASET_ENDINGS = (".parquet", ".csv", ".jsonl")
_RECORD_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_PATH_LIMIT = 400


@dataclass(frozen=True)
class Manifest:
    """What a release is made of: its files, and the blob that holds its facts."""

    files: tuple[StoredFile, ...]
    facts_digest: str
    facts_size: int


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


def media_type_of(path: str) -> str:
    """The layer type of a release's file.

    Source:
        CNCF ModelPack v1 media types; JSON records outside the bundle carry one of ours.

    >>> media_type_of("bundle/model.onnx")
    'application/vnd.cncf.model.weight.v1.raw'
    >>> media_type_of("evidence/dev.json")
    'application/vnd.smallcraft.evidence.v1+json'
    """
    if path.endswith(_WEIGHT_ENDINGS):
        return _WEIGHT_TYPE
    if path.endswith(_DOC_ENDINGS):
        return _DOC_TYPE
    if path.endswith(_DATASET_ENDINGS):
        return _DATASET_TYPE
    subject = path.split("/", maxsplit=1)[0].removesuffix(".json")
    if subject != "bundle" and path.endswith(".json") and _RECORD_NAME.fullmatch(subject):
        return _RECORD_TYPE.format(subject)
    return _WEIGHT_CONFIG_TYPE


def build_manifest(files: Sequence[StoredFile], *, facts_digest: str, facts_size: int) -> bytes:
    """The manifest of a release: canonical JSON, layers in order of their paths.

    Raises:
        InvalidInputError: No file, a path given twice, or a path that `check_paths` refuses.
    """
    if not files:
        raise InvalidInputError("a release needs at least one file, got none; pass the bundle")
    if len({file.path for file in files}) < len(files):
        raise InvalidInputError("a release's file paths must differ, one is given twice")
    check_paths(file.path for file in files)
    layers = [
        {
            "mediaType": media_type_of(file.path),
            "digest": file.digest,
            "size": file.size_bytes,
            "annotations": {PATH_ANNOTATION: file.path},
        }
        for file in sorted(files, key=lambda file: file.path)
    ]
    return canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": MODEL_TYPE,
            "config": {"mediaType": FACTS_TYPE, "digest": facts_digest, "size": facts_size},
            "layers": layers,
        }
    )


def parse_manifest(data: bytes, *, digest: str) -> Manifest:
    """Read a manifest whose bytes were checked against `digest`.

    Raises:
        IntegrityError: It is not a manifest that a registry writes.
    """
    try:
        value = json.loads(data, object_pairs_hook=_refuse_duplicates)
        _check_types(value)
        files = tuple(
            StoredFile(layer["annotations"][PATH_ANNOTATION], *_descriptor(layer))
            for layer in value["layers"]
        )
        check_paths(file.path for file in files)
        return Manifest(files, *_descriptor(value["config"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise IntegrityError(
            f"manifest {digest} cannot be read ({error}); do not serve its release, restore the "
            "registry from a copy"
        ) from error


def parse_facts(data: bytes, *, digest: str) -> Mapping[str, object]:
    """Read a release's facts whose bytes were checked against `digest`.

    Raises:
        IntegrityError: They are not a JSON object.
    """
    try:
        value = json.loads(data, object_pairs_hook=_refuse_duplicates)
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"facts {digest} cannot be read ({error}); restore a copy") from error
    if not isinstance(value, dict):
        raise IntegrityError(f"facts {digest} must be a JSON object; restore the registry")
    return value


def build_index(entries: Sequence[Entry]) -> bytes:
    """`index.json` of the OCI layout: every release of the log, for tools that read no log."""
    manifests = [
        {
            "mediaType": MANIFEST_TYPE,
            "artifactType": MODEL_TYPE,
            "digest": entry.manifest_digest,
            "size": entry.manifest_size,
            "annotations": {
                "org.opencontainers.image.created": entry.created,
                "org.opencontainers.image.ref.name": entry.label,
            },
        }
        for entry in entries
    ]
    return canonical_json({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": manifests})


def _check_types(value: Mapping[str, Any]) -> None:
    types = (value["mediaType"], value["artifactType"])
    if types != (MANIFEST_TYPE, MODEL_TYPE):
        raise ValueError(f"its types are {types}")


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key stands twice")
    return value


def _descriptor(value: Mapping[str, Any]) -> tuple[str, int]:
    digest, size = value["digest"], value["size"]
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise ValueError(f"sha256:<64 hex digits> expected, got {digest!r}")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ValueError(f"a size in bytes expected, got {size!r}")
    return digest, size
