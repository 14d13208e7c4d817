"""Format 1, which versions before the tile log wrote: what its checkpoint, entries, manifests and index say.

An entry is a file of canonical JSON that names the digest of the one before it; the checkpoint is four
unsigned lines (origin, size, root, newest entry); a release is an OCI manifest with its facts as config.
Holds the rules only: bytes in, values out; the files belong to `old.reading_1`. Nothing here writes.
Always: only the exact bytes that format 1 wrote are read.
Not covered: who wrote them, since nothing was signed.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smallcraft.canonical import canonical_json, digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.records import StoredFile
from smallcraft.registry.manifests.kinds import INDEX_TYPE, MANIFEST_TYPE, MODEL_TYPE, PATH_ANNOTATION
from smallcraft.registry.manifests.manifest import check_paths
from smallcraft.registry.tlog.entry import Content, check_name
from smallcraft.registry.tlog.tree import HASH_BYTES, leaf_hash, root_of

CHECKPOINT_PATH = "log/checkpoint"
FACTS_TYPE = "application/vnd.smallcraft.release.facts.v1+json"

_NONE = "none"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_COUNT = re.compile(r"0|[1-9][0-9]{0,14}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_KEYS = {"v", "origin", "kind", "name", "version", "manifest", "prev_manifest", "prev_entry", "created"}


@dataclass(frozen=True)
class Checkpoint1:
    """The committed state: how many entries, their Merkle root, the digest of the last one."""

    origin: str
    size: int
    root: bytes
    head: str | None


@dataclass(frozen=True)
class Entry1:
    """Version `version` of `name` is that manifest."""

    origin: str
    name: str
    version: int
    manifest: Content
    prev_manifest: str | None
    prev_entry: str | None
    created: str

    @property
    def label(self) -> str:
        """How people name it."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True)
class Manifest1:
    """What a release is made of: its files, and the blob that holds its facts."""

    files: tuple[StoredFile, ...]
    facts: Content


def entry_path(number: int) -> str:
    """Where entry `number` (from 1) lies below the registry's root.

    >>> entry_path(3)
    'log/entries/00000003.json'
    """
    return f"log/entries/{number:08d}.json"


def parse_checkpoint(data: bytes) -> Checkpoint1:
    """The four lines.

    Raises:
        IntegrityError: They are no checkpoint of format 1.
    """
    try:
        origin, size, root, head, rest = data.decode("ascii").split("\n")
        decoded = base64.b64decode(root, validate=True)
    except (ValueError, binascii.Error) as error:
        raise _checkpoint_error(f"it cannot be read ({error})") from error
    told = head.removeprefix("head ")
    is_root = len(decoded) == HASH_BYTES and base64.b64encode(decoded).decode() == root
    is_head = head != told and (told == _NONE or _DIGEST.fullmatch(told) is not None)
    if rest or not _COUNT.fullmatch(size) or not is_root or not is_head:
        raise _checkpoint_error("it is not in the form of format 1")
    return Checkpoint1(origin, int(size), decoded, None if told == _NONE else told)


def parse_log(raw: Sequence[bytes], checkpoint: Checkpoint1) -> tuple[Entry1, ...]:
    """The entries, when each is the one that its successor and the checkpoint recorded.

    Steps: (1) each entry by itself; (2) each is the one that its successor names; (3) the root over
    all; (4) versions and origins follow one another.

    Args:
        raw: As stored, in the order of their numbers; as many as the checkpoint covers.
        checkpoint: That covers them.

    Raises:
        IntegrityError: The first entry that does not hold, or the checkpoint.
    """
    # (1) by themselves
    entries = tuple(_parse_entry(data, number) for number, data in enumerate(raw, start=1))
    # (2) links
    if len(raw) != checkpoint.size:
        raise _checkpoint_error(f"it covers {checkpoint.size} entries, not {len(raw)}")
    _check_links(entries, raw, checkpoint)
    # (3) the root
    if root_of([leaf_hash(data) for data in raw]) != checkpoint.root:
        raise _checkpoint_error("its root is not that of the stored entries")
    # (4) order
    _check_order(entries, checkpoint)
    return entries


def parse_manifest(data: bytes, *, digest: str) -> Manifest1:
    """A manifest whose bytes were checked against `digest`.

    Raises:
        IntegrityError: It is none of format 1.
    """
    try:
        manifest = _manifest_from(json.loads(data, object_pairs_hook=_without_doubles))
        check_paths(file.path for file in manifest.files)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise IntegrityError(
            f"manifest {digest} cannot be read ({error}); do not use its release, restore the registry from "
            "a copy"
        ) from error
    return manifest


def build_index(entries: Sequence[Entry1]) -> bytes:
    """`index.json` as format 1 derived it from the log."""
    manifests = [
        {
            "mediaType": MANIFEST_TYPE,
            "artifactType": MODEL_TYPE,
            "digest": entry.manifest.digest,
            "size": entry.manifest.size_bytes,
            "annotations": {
                "org.opencontainers.image.created": entry.created,
                "org.opencontainers.image.ref.name": entry.label,
            },
        }
        for entry in entries
    ]
    return canonical_json({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": manifests})


def _parse_entry(data: bytes, number: int) -> Entry1:
    try:
        value = json.loads(data, object_pairs_hook=_without_doubles)
        entry = _entry_from(value)
        is_exact = canonical_json(value) == data
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InvalidInputError) as error:
        raise IntegrityError(
            f"{entry_path(number)}: entry {number} cannot be read as an entry of format 1 ({error}); restore "
            "the log from a copy"
        ) from error
    if not is_exact:
        raise IntegrityError(
            f"{entry_path(number)}: entry {number} is not in canonical form, so it was not written by a "
            "registry; restore the log from a copy"
        )
    return entry


def _entry_from(value: Mapping[str, Any]) -> Entry1:
    if not _KEYS <= value.keys() <= _KEYS | {"by"} or (value["v"], value["kind"]) != (1, "put"):
        raise ValueError(f"its keys are {', '.join(sorted(value))}")
    if value["manifest"].keys() != {"digest", "size"}:
        raise ValueError("its manifest is not a digest with a size")
    if not _TIME.fullmatch(value["created"]):
        raise ValueError(f"a time in UTC expected, got {value['created']!r}")
    return Entry1(
        origin=_text(value["origin"]),
        name=check_name(_text(value["name"])),
        version=_count(value["version"]),
        manifest=_content(value["manifest"]),
        prev_manifest=None if value["prev_manifest"] is None else _digest(value["prev_manifest"]),
        prev_entry=None if value["prev_entry"] is None else _digest(value["prev_entry"]),
        created=_text(value["created"]),
    )


def _check_links(entries: Sequence[Entry1], raw: Sequence[bytes], checkpoint: Checkpoint1) -> None:
    """An altered entry breaks the link behind it; the one before it too where its own record was altered."""
    recorded = [*(entry.prev_entry for entry in entries), checkpoint.head]
    actual = [None, *(digest_bytes(data) for data in raw)]
    broken = [place for place, told in enumerate(recorded) if told != actual[place]]
    if not broken:
        return
    first = broken[0]
    number = first + 1 if first == 0 or first + 1 in broken else first
    raise IntegrityError(
        f"{entry_path(number)}: entry {number} does not match its stored bytes: its neighbours in the log "
        "recorded another one; do not use this release or a later one, restore the log from a copy"
    )


def _check_order(entries: Sequence[Entry1], checkpoint: Checkpoint1) -> None:
    newest: dict[str, Entry1] = {}
    for number, entry in enumerate(entries, start=1):
        before = newest.get(entry.name)
        version = before.version + 1 if before else 1
        manifest = before.manifest.digest if before else None
        if (entry.version, entry.prev_manifest, entry.origin) != (version, manifest, checkpoint.origin):
            raise IntegrityError(
                f"{entry_path(number)}: entry {number} must be {entry.name}@{version} of log "
                f"'{checkpoint.origin}' after manifest {manifest}, got {entry.label} of log '{entry.origin}' "
                f"after {entry.prev_manifest}; restore the log from a copy"
            )
        newest[entry.name] = entry


def _manifest_from(value: Mapping[str, Any]) -> Manifest1:
    types = (value["mediaType"], value["artifactType"], value["config"]["mediaType"])
    if types != (MANIFEST_TYPE, MODEL_TYPE, FACTS_TYPE):
        raise ValueError(f"its types are {types}")
    return Manifest1(tuple(_file(layer) for layer in value["layers"]), _content(value["config"]))


def _file(layer: Mapping[str, Any]) -> StoredFile:
    content = _content(layer)
    return StoredFile(_text(layer["annotations"][PATH_ANNOTATION]), content.digest, content.size_bytes)


def _content(value: Mapping[str, Any]) -> Content:
    size = value["size"]
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ValueError(f"a size in bytes expected, got {size!r}")
    return Content(_digest(value["digest"]), size)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"text expected, got {value!r}")
    return value


def _digest(value: object) -> str:
    if not _DIGEST.fullmatch(_text(value)):
        raise ValueError(f"sha256:<64 hex digits> expected, got {value!r}")
    return _text(value)


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"a count from 1 expected, got {value!r}")
    return value


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key stands twice")
    return value


def _checkpoint_error(what: str) -> IntegrityError:
    return IntegrityError(
        f"{CHECKPOINT_PATH}: the checkpoint is not the one that was committed: {what}; restore it from a copy"
    )
