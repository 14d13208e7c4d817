"""Media types, and which part of a release a file belongs to, by its path.

Holds the words only: one literal table of attachments, one of file endings.
Always: every path has exactly one part and one media type.

Source:
    OCI image-spec 1.1 (manifests, `subject`, the empty descriptor); CNCF ModelPack model-spec (media types of
    layers); types of ours are `application/vnd.smallcraft.*`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

from smallcraft.canonical import digest_bytes
from smallcraft.registry.tlog.entry import Content

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
MODEL_TYPE = "application/vnd.cncf.model.manifest.v1+json"
MODEL_CONFIG_TYPE = "application/vnd.cncf.model.config.v1+json"
RECIPE_TYPE = "application/vnd.smallcraft.recipe.v1"
BLOCKS_TYPE = "application/vnd.smallcraft.blocks.v1"
PACK_TYPE = "application/vnd.cncf.model.weight.v1.tar"
PACK_INDEX_TYPE = "application/vnd.smallcraft.pack.index.v1+json"

PATH_ANNOTATION = "org.cncf.model.filepath"
DIGEST_ANNOTATION = "org.smallcraft.file.digest"
SIZE_ANNOTATION = "org.smallcraft.file.size"

EMPTY_OBJECT = b"{}"
EMPTY_CONTENT = Content(digest_bytes(EMPTY_OBJECT), len(EMPTY_OBJECT))
OCI_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
FACTS_PATH = "facts.json"
DECISION_PATH = "decision.json"
SIGNATURE_PATH = "model.sig"
# What a registry writes about a release by itself; the same release has other papers in another place.
PAPER_PATHS = frozenset(
    (DECISION_PATH, "code.json", "card.md", "bom.json", "datasheet.md", "croissant.json", SIGNATURE_PATH)
)

Attachment = Literal["evaluation", "dataset", "decision", "card", "signature"]
ATTACHMENTS: tuple[Attachment, ...] = get_args(Attachment)

# The first part of a path names the part of the release; whatever is not listed belongs to the model.
_ATTACHED: Mapping[str, Attachment] = MappingProxyType(
    {
        FACTS_PATH: "evaluation",
        "evidence": "evaluation",
        "evidence.json": "evaluation",
        "evaluation": "evaluation",
        "datasheet.md": "dataset",
        "croissant.json": "dataset",
        "data": "dataset",
        DECISION_PATH: "decision",
        "code.json": "decision",
        "smallcraft.toml": "decision",
        "card.md": "card",
        "bom.json": "card",
        SIGNATURE_PATH: "signature",
    }
)

_WEIGHT_TYPE = "application/vnd.cncf.model.weight.v1.raw"
_WEIGHT_CONFIG_TYPE = "application/vnd.cncf.model.weight.config.v1.raw"
_DOC_TYPE = "application/vnd.cncf.model.doc.v1.raw"
_DATASET_TYPE = "application/vnd.cncf.model.dataset.v1.raw"
_RECORD_TYPE = "application/vnd.smallcraft.{}.v1+json"

_WEIGHT_ENDINGS = (".safetensors", ".onnx", ".npz", ".npy")
_DOC_ENDINGS = (".md", ".html", ".pdf", ".svg", ".png")
_DATASET_ENDINGS = (".parquet", ".csv", ".jsonl")
_RECORD_NAME = re.compile(r"[a-z][a-z0-9_-]*")


def attachment_of(path: str) -> Attachment | None:
    """The attachment that holds a file, None for the model itself.

    >>> attachment_of("evaluation/dev.npz"), attachment_of("bundle/model.onnx")
    ('evaluation', None)
    """
    return _ATTACHED.get(path.split("/", maxsplit=1)[0])


def artifact_type(attachment: Attachment) -> str:
    """The OCI artifact type of an attachment's manifest.

    >>> artifact_type("card")
    'application/vnd.smallcraft.card.v1+json'
    """
    return _RECORD_TYPE.format(attachment)


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
