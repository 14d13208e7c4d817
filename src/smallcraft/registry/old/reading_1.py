"""A registry of format 1, read whole: every file checked, nothing changed.

Leaves to others: what the bytes say (`old.format_1`), what becomes of it (`old.upgrading`).
Always: what is returned was hashed; a file that nothing accounts for is named, as `verify` did.
Covered: changed, missing, added files, links; what a publisher that was killed declared it would write.
Not covered: an owner who rebuilt all of it; format 1 has no signature that would show it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smallcraft.errors import IntegrityError
from smallcraft.records import StoredFile
from smallcraft.registry.content.disk import Layout, content_error, hash_file, read_blob, read_bytes
from smallcraft.registry.manifests.kinds import OCI_LAYOUT
from smallcraft.registry.manifests.manifest import parse_object
from smallcraft.registry.old.format_1 import (
    CHECKPOINT_PATH,
    Checkpoint1,
    Entry1,
    Manifest1,
    build_index,
    entry_path,
    parse_checkpoint,
    parse_log,
    parse_manifest,
)
from smallcraft.registry.tlog.entry import Content
from smallcraft.registry.verify.folder import extra_error, walk

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class OldRelease:
    """A release of format 1.

    Attributes:
        entry: That put it there.
        files: By path.
        facts: What is known about it.
    """

    entry: Entry1
    files: tuple[StoredFile, ...]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class OldRegistry:
    """All of it, oldest release first."""

    layout: Layout
    releases: tuple[OldRelease, ...]


@dataclass(frozen=True)
class _Cut:
    """What a publisher that was killed may have left: an entry, and blobs."""

    entry: int = 0
    blobs: tuple[str, ...] = ()


def is_old(root: Path) -> bool:
    """Whether a folder is a registry of format 1."""
    log = Layout(root).log
    return (log / "entries").is_dir() and not (log / "tile").exists()


def read_old(root: Path) -> OldRegistry:
    """Read and check everything; the caller holds the lock on `log`.

    Steps: (1) layout and log; (2) manifests and facts; (3) every blob; (4) index; (5) nothing else.

    Raises:
        IntegrityError: The first broken thing.
    """
    layout = Layout(root)
    # (1) layout and log
    name = layout.name_of(layout.oci_layout)
    if read_bytes(layout.oci_layout, name=name) != OCI_LAYOUT:
        raise IntegrityError(f"{name} is not that of an OCI layout 1.0.0; restore it from a copy")
    checkpoint = parse_checkpoint(read_bytes(layout.checkpoint, name=CHECKPOINT_PATH))
    cut = _read_cut(layout, checkpoint)
    paths = [entry_path(number) for number in range(1, checkpoint.size + 1)]
    entries = parse_log([read_bytes(layout.root / path, name=path) for path in paths], checkpoint)
    # (2) manifests and facts
    expected: dict[str, Content] = {}
    releases = tuple(_read_release(layout, entry, expected) for entry in entries)
    # (3) blobs
    for content in expected.values():
        _check_blob(layout, content)
    # (4) index
    is_behind = cut.entry == checkpoint.size > 0
    if not is_behind and read_bytes(layout.index, name="index.json") != build_index(entries):
        raise IntegrityError("index.json is not what the log gives; restore it from a copy")
    # (5) nothing else
    known = {"oci-layout", "index.json", CHECKPOINT_PATH, *paths, *map(_blob_path, expected)}
    if cut.entry == checkpoint.size + 1:
        known |= {entry_path(cut.entry), *map(_blob_path, cut.blobs)}
    for found in walk(root, {"blobs", "blobs/sha256", "log", "log/entries", "tmp"}):
        if found not in known and not found.startswith("tmp/"):
            raise extra_error(found, "no release and no log entry names it")
    return OldRegistry(layout, releases)


def _read_release(layout: Layout, entry: Entry1, expected: dict[str, Content]) -> OldRelease:
    manifest = parse_manifest(
        read_blob(layout, entry.manifest, use=f"the manifest of {entry.label}"), digest=entry.manifest.digest
    )
    what = f"the facts of {entry.label}"
    facts = parse_object(read_blob(layout, manifest.facts, use=what), what=what)
    for content in _contents_of(entry, manifest):
        known = expected.setdefault(content.digest, content)
        if known != content:
            raise IntegrityError(
                f"{content.digest} of {entry.label} is recorded with {content.size_bytes} and with "
                f"{known.size_bytes} bytes; restore the registry from a copy"
            )
    return OldRelease(entry, manifest.files, facts)


def _contents_of(entry: Entry1, manifest: Manifest1) -> list[Content]:
    files = [Content(file.digest, file.size_bytes) for file in manifest.files]
    return [entry.manifest, manifest.facts, *files]


def _check_blob(layout: Layout, wanted: Content) -> None:
    name = _blob_path(wanted.digest)
    content = hash_file(layout.blob(wanted.digest), name=name)
    if content != wanted:
        raise content_error(name, wanted, content, use="a file of a release")


def _blob_path(digest: str) -> str:
    return f"blobs/sha256/{digest.removeprefix('sha256:')}"


def _read_cut(layout: Layout, checkpoint: Checkpoint1) -> _Cut:
    """What a publisher declared before it was killed; it may have come as far as the commit.

    Raises:
        IntegrityError: It is not what one declares.
    """
    if not layout.intent.exists():
        return _Cut()
    name = layout.name_of(layout.intent)
    try:
        value = json.loads(read_bytes(layout.intent, name=name))
        cut = _Cut(int(value["entry"]), tuple(str(digest) for digest in value["blobs"]))
        is_sound = all(_DIGEST.fullmatch(digest) for digest in cut.blobs)
    except (ValueError, KeyError, TypeError, RecursionError):
        is_sound, cut = False, _Cut()
    if not is_sound or cut.entry not in {checkpoint.size, checkpoint.size + 1}:
        raise IntegrityError(
            f"{name} is not what a publisher of format 1 declares; delete it and run this again"
        )
    return cut
