"""What a proof is made of, and what its manifests say: which files a release has, with their digests.

Holds the rules only: bytes in, values out.
Always: a file counts only when a manifest that the entry names lists it, or an index that such a manifest
names; no path is listed twice.
Covered: manifests of another release, a missing or planted attachment, a pack's index of another pack.
Not covered: whether the entry is in a log (`tlog.proof`), and the files' own bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError
from smallcraft.records import StoredFile
from smallcraft.registry.content.packs import parse_index
from smallcraft.registry.manifests.kinds import MODEL_TYPE
from smallcraft.registry.manifests.manifest import Manifest, named_in_config, parse_manifest
from smallcraft.registry.tlog.entry import Content, Entry

_NEXT = "do not use the release, ask for a new proof"


@dataclass(frozen=True)
class ProofMaterial:
    """Everything that a proof of one release holds, in the exact bytes that were stored.

    Attributes:
        entry: The log's entry.
        index: Its place in the log, from 0.
        hashes: The inclusion proof, from the leaf's sibling up, 32 bytes each.
        checkpoint: The signed note over the log.
        policy: Whose keys.
        manifest: The model's OCI manifest.
        config: The config document that it names.
        attachments: The attached manifests, in the entry's order.
        pack_indexes: Of every pack that a manifest names.
        author_pem: The author's public key; None where nobody signed.
        signature: `model.sig`; None where nobody signed.
    """

    entry: bytes
    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    policy: bytes
    manifest: bytes
    config: bytes
    attachments: tuple[bytes, ...] = ()
    pack_indexes: tuple[bytes, ...] = ()
    author_pem: bytes | None = None
    signature: bytes | None = None


def read_model(manifest: bytes, config: bytes, entry: Entry) -> Manifest:
    """The model's manifest, which the entry names and which names the release.

    Raises:
        IntegrityError: It is another release's, or its config is.
    """
    assert entry.manifest is not None, "a put entry has one"
    _check_content("manifest.json", manifest, entry.manifest)
    parsed = parse_manifest(manifest, digest=entry.manifest.digest)
    if parsed.artifact_type != MODEL_TYPE:
        raise IntegrityError(
            f"manifest.json must be a model's, but its type is {parsed.artifact_type}; {_NEXT}"
        )
    _check_content("config.json", config, parsed.config)
    named = named_in_config(config, digest=parsed.config.digest)
    if named != entry.name:
        raise IntegrityError(
            f"the model was released as '{named}', but the entry puts it as {entry.label}: a release was "
            f"replayed under another name; {_NEXT}"
        )
    return parsed


def read_attachments(attachments: Mapping[str, bytes], entry: Entry) -> tuple[Manifest, ...]:
    """The attached manifests: exactly those that the entry names, each attached to its model.

    Args:
        attachments: Path in the proof to bytes.
        entry: Of the log.

    Raises:
        IntegrityError: One is missing, planted, or belongs to another model.
    """
    found = {digest_bytes(data): path for path, data in attachments.items()}
    for digest, path in found.items():
        if digest not in entry.attestations:
            raise IntegrityError(f"{path} is {digest}, which {entry.label} does not name; {_NEXT}")
    missing = [digest for digest in entry.attestations if digest not in found]
    if missing:
        raise IntegrityError(f"the attachment {missing[0]} of {entry.label} is not there; {_NEXT}")
    parsed = []
    for digest in entry.attestations:
        path = found[digest]
        manifest = parse_manifest(attachments[path], digest=digest)
        if manifest.subject != entry.manifest:
            raise IntegrityError(f"{path} is attached to {manifest.subject}, not to {entry.label}; {_NEXT}")
        parsed.append(manifest)
    return tuple(parsed)


def recorded_files(manifests: Sequence[Manifest], pack_indexes: Sequence[bytes]) -> tuple[StoredFile, ...]:
    """Every file of a release, by path.

    Args:
        manifests: The model's and the attached ones, checked.
        pack_indexes: Of all their packs, in any order.

    Raises:
        IntegrityError: An index is missing, planted, or of another pack; a path is listed twice.
    """
    indexes = {digest_bytes(data): data for data in pack_indexes}
    named = {layer.index.digest for manifest in manifests for layer in manifest.packs}
    if odd := sorted(named ^ indexes.keys()):
        what = "is not there" if odd[0] in named else "belongs to no manifest"
        raise IntegrityError(f"the pack's index {odd[0]} {what}; {_NEXT}")
    files: dict[str, StoredFile] = {}
    for manifest in manifests:
        for file in _files_of(manifest, indexes):
            if file.path in files:
                raise IntegrityError(f"{file.path} is listed by two manifests; {_NEXT}")
            files[file.path] = file
    return tuple(files[path] for path in sorted(files))


def _files_of(manifest: Manifest, indexes: Mapping[str, bytes]) -> Iterator[StoredFile]:
    yield from (layer.file for layer in manifest.files)
    for layer in manifest.packs:
        index = parse_index(indexes[layer.index.digest])
        if index.pack != layer.pack:
            raise IntegrityError(
                f"the pack's index {layer.index.digest} speaks of {index.pack.digest}, its manifest of "
                f"{layer.pack.digest}; {_NEXT}"
            )
        yield from (StoredFile(file.path, file.digest, file.size_bytes) for file in index.files)


def _check_content(name: str, data: bytes, wanted: Content) -> None:
    got = Content(digest_bytes(data), len(data))
    if got != wanted:
        raise IntegrityError(
            f"{name} is not the one that was recorded: expected {wanted.digest} with {wanted.size_bytes} "
            f"bytes, got {got.digest} with {got.size_bytes}; {_NEXT}"
        )
