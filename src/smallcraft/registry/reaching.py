"""Which blob is there for whom: what the log's live entries need, and what only erased releases had.

Leaves to others: what to do with the rest (`registry.collecting`, `registry.scrubbing`).
Always: a manifest lists every blob that its files are made of, blobs of other releases that its recipes
take ranges of included, so what all manifests list is what is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.content.disk import Layout, read_blob, read_bytes
from smallcraft.registry.manifests.manifest import LARGEST_BYTES, parse_manifest, parse_object
from smallcraft.registry.opening import OpenLog
from smallcraft.registry.reading import StoredManifest, read_manifest, read_stored
from smallcraft.registry.tlog.entry import Content, Entry

BLOB_NAME = re.compile(r"[0-9a-f]{64}")

Users = dict[str, list[str]]


@dataclass(frozen=True)
class ErasedRelease:
    """What is left of a release whose bytes may go.

    Attributes:
        entry: That put it there.
        retired: Number of the entry that says so.
        contents: Blobs that it had, as far as its manifests are still there to tell.
    """

    entry: Entry
    retired: int
    contents: tuple[Content, ...]


@dataclass(frozen=True)
class RemovedBlob:
    """A blob that went, and the number of the entry that says so."""

    content: Content
    number: int


def users_of(layout: Layout, log: OpenLog, *, is_strict: bool) -> Users:
    """Who needs each blob, by digest: every entry but puts that were erased.

    Args:
        layout: The registry.
        log: Checked.
        is_strict: Refuse a manifest that cannot be read; otherwise leave out what it would list.

    Raises:
        IntegrityError: A manifest is not what was stored, and `is_strict`.
    """
    users: Users = {}
    for number, entry in enumerate(log.entries, start=1):
        if entry.manifest is None or log.is_erased(entry):
            continue
        user = entry.label if entry.kind == "put" else f"entry {number} ({entry.kind})"
        for digest in (entry.manifest.digest, *entry.attestations):
            _note(users, digest, user)
        for stored in _strictly(layout, entry, user) if is_strict else _as_far_as_read(layout, entry):
            for content in contents_of(stored):
                _note(users, content.digest, user)
    return users


def erased_releases(layout: Layout, log: OpenLog) -> list[ErasedRelease]:
    """What is left of the releases whose bytes may go, oldest first."""
    erased = []
    for entry in log.entries:
        if entry.kind == "put" and log.is_erased(entry):
            retired = log.state.retired[entry.name or "", entry.version or 0].number
            contents = [found for one in _as_far_as_read(layout, entry) for found in contents_of(one)]
            erased.append(ErasedRelease(entry, retired, tuple(dict.fromkeys(contents))))
    return erased


def contents_of(stored: StoredManifest) -> Iterator[Content]:
    """A manifest's own blob, and every blob that it lists."""
    yield stored.content
    yield from stored.manifest.blobs


def removed_blobs(layout: Layout, log: OpenLog) -> dict[str, RemovedBlob]:
    """What entries say of blobs that went, by digest; of several the newest.

    Raises:
        IntegrityError: Such a document is not the one that was logged, or none.
    """
    removed: dict[str, RemovedBlob] = {}
    for number, entry in enumerate(log.entries, start=1):
        if entry.kind == "gc" and entry.manifest:
            what = f"the list of what entry {number} removed"
            document = parse_object(read_blob(layout, entry.manifest, use=what), what=what)
            try:
                contents = [Content(str(digest), int(size)) for digest, size in document["removed"]]
            except (KeyError, TypeError, ValueError) as error:
                raise IntegrityError(f"{what} is none ({error}); restore the registry from a copy") from error
            removed |= {content.digest: RemovedBlob(content, number) for content in contents}
    return removed


def blob_name(digest: str) -> str:
    """The file name of a blob; the digest may come without its `sha256:`.

    Raises:
        InvalidInputError: It is none.
    """
    name = digest.removeprefix("sha256:")
    if not BLOB_NAME.fullmatch(name):
        raise InvalidInputError(f"a digest must be sha256:<64 hex digits>, got {digest!r}; copy it whole")
    return name


def _strictly(layout: Layout, entry: Entry, user: str) -> tuple[StoredManifest, ...]:
    if entry.kind == "put":
        return read_stored(layout, entry).manifests
    if entry.kind == "decision" and entry.manifest:
        return (read_manifest(layout, entry.manifest, use=f"the decision of {user}"),)
    return ()


def _as_far_as_read(layout: Layout, entry: Entry) -> Iterator[StoredManifest]:
    if entry.kind not in {"put", "decision"} or entry.manifest is None:
        return
    for digest in (entry.manifest.digest, *entry.attestations):
        path = layout.blob(digest)
        try:
            data = read_bytes(path, name=layout.name_of(path), limit=LARGEST_BYTES)
            if digest_bytes(data) == digest:
                yield StoredManifest(Content(digest, len(data)), parse_manifest(data, digest=digest))
        except IntegrityError:
            continue


def _note(users: Users, digest: str, user: str) -> None:
    known = users.setdefault(digest, [])
    if user not in known:
        known.append(user)
