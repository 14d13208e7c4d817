"""`index.json` of the OCI layout: every live manifest by name, for tools that read no log.

Always: derived from the log and the manifests alone, so that it can be recomputed and is never trusted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from smallcraft.canonical import canonical_json
from smallcraft.registry.manifests.kinds import INDEX_TYPE, MANIFEST_TYPE
from smallcraft.registry.tlog.entry import Content


@dataclass(frozen=True)
class Named:
    """A manifest as the index lists it.

    Attributes:
        name: `helpdesk@3` for the model, `helpdesk@3-card` for what is attached to it.
    """

    name: str
    artifact_type: str
    content: Content
    created: str


def build_index(manifests: Iterable[Named]) -> bytes:
    """The index over some manifests, in the order given."""
    described = [
        {
            "mediaType": MANIFEST_TYPE,
            "artifactType": named.artifact_type,
            "digest": named.content.digest,
            "size": named.content.size_bytes,
            "annotations": {
                "org.opencontainers.image.created": named.created,
                "org.opencontainers.image.ref.name": named.name,
            },
        }
        for named in manifests
    ]
    return canonical_json({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": described})
