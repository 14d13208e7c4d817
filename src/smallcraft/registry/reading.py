"""One release as the log and the stored bytes give it: manifests, files, facts, each checked as it is read.

Leaves to others: the log (`registry.opening`), a file's form on the disk (`content.files`).
Always: what is read was hashed; an attachment is one of this model's; the model was released under this name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError, nearest_name
from smallcraft.records import Release, StoredFile
from smallcraft.registry.content.disk import Layout, read_blob, read_bytes
from smallcraft.registry.content.files import Location, locate_files, read_located
from smallcraft.registry.content.formats import check_format
from smallcraft.registry.manifests.kinds import (
    ATTACHMENTS,
    FACTS_PATH,
    MODEL_TYPE,
    artifact_type,
    attachment_of,
)
from smallcraft.registry.manifests.manifest import (
    LARGEST_BYTES,
    Manifest,
    named_in_config,
    parse_manifest,
    parse_object,
)
from smallcraft.registry.tlog.entry import Content, Entry


@dataclass(frozen=True)
class StoredManifest:
    """A manifest with what it is stored as."""

    content: Content
    manifest: Manifest


@dataclass(frozen=True)
class Stored:
    """A release in the registry.

    Attributes:
        layout: The registry.
        entry: That put it there.
        model: Its own manifest.
        attached: Manifests attached to it, in the entry's order.
        locations: Every file by path.
    """

    layout: Layout
    entry: Entry
    model: StoredManifest
    attached: tuple[StoredManifest, ...]
    locations: Mapping[str, Location]

    @property
    def manifests(self) -> tuple[StoredManifest, ...]:
        """The model's manifest, then those attached to it."""
        return (self.model, *self.attached)

    @property
    def files(self) -> tuple[StoredFile, ...]:
        """Every file, by path."""
        return tuple(location.file for _, location in sorted(self.locations.items()))

    @cached_property
    def facts(self) -> Mapping[str, object]:
        """What is known about the release.

        Raises:
            IntegrityError: They are not a JSON object.
        """
        return parse_object(self.read(FACTS_PATH), what=f"the facts of {self.entry.label}")

    @cached_property
    def release(self) -> Release:
        """The same as a value for the rest of the system."""
        return Release(
            name=self.entry.name or "",
            version=self.entry.version or 0,
            manifest_digest=self.model.content.digest,
            previous_manifest=self.entry.prev,
            created=self.entry.time,
            files=self.files,
            facts=self.facts,
        )

    def read(self, path: str) -> bytes:
        """The bytes of a file; these very bytes were hashed, and are of a format that cannot run code.

        Raises:
            NotFoundError: The release has no such file.
            IntegrityError: The stored bytes are not those of the release, or not what their name says.
        """
        location = self.locations.get(path)
        if location is None:
            paths = [file.path for file in self.files]
            raise NotFoundError(
                f"{self.entry.label} has no file '{path}'; it has {', '.join(paths)}"
                f"{nearest_name(path, paths)}"
            )
        data = read_located(self.layout, location, use=f"{path} of {self.entry.label}")
        try:
            check_format(path, data)
        except InvalidInputError as error:
            raise IntegrityError(
                f"{path} of {self.entry.label} must not be opened: {error}; whoever wrote that entry did not "
                "use this registry, do not serve the release"
            ) from error
        return data


def read_stored(layout: Layout, entry: Entry) -> Stored:
    """The release that a put entry made.

    Raises:
        IntegrityError: A manifest is not the one that was committed, or belongs to another release.
    """
    assert entry.manifest is not None
    use = f"the manifest of {entry.label}"
    model = read_manifest(layout, entry.manifest, use=use)
    if model.manifest.artifact_type != MODEL_TYPE or model.manifest.subject is not None:
        raise _misplaced(
            entry, entry.manifest.digest, "the manifest of a model", model.manifest.artifact_type
        )
    _require_own_name(layout, entry, model.manifest)
    attached = tuple(read_attached(layout, entry, digest) for digest in entry.attestations)
    located: dict[str, Location] = {}
    for stored in (model, *attached):
        for path, location in locate_files(layout, stored.manifest, use=entry.label).items():
            _require_own_part(entry, path, stored.manifest)
            located[path] = location
    return Stored(layout, entry, model, attached, located)


def read_manifest(layout: Layout, content: Content, *, use: str) -> StoredManifest:
    """A manifest by digest and size.

    Raises:
        IntegrityError: The stored bytes are not those, or no manifest.
    """
    data = read_blob(layout, content, use=use)
    return StoredManifest(content, parse_manifest(data, digest=content.digest))


def read_attached(layout: Layout, entry: Entry, digest: str) -> StoredManifest:
    """A manifest that a put entry names as attached to its model.

    Raises:
        IntegrityError: The stored bytes are not those, or it is attached to something else.
    """
    path = layout.blob(digest)
    name = layout.name_of(path)
    data = read_bytes(path, name=name, limit=LARGEST_BYTES)
    if digest_bytes(data) != digest:
        raise IntegrityError(
            f"{name} (attached to {entry.label}) does not match its record: expected {digest}, the file has "
            f"{digest_bytes(data)}; do not use it, restore it from a copy"
        )
    manifest = parse_manifest(data, digest=digest)
    known = {artifact_type(kind) for kind in ATTACHMENTS}
    if manifest.artifact_type not in known:
        raise _misplaced(entry, digest, "an attachment of a kind that is known", manifest.artifact_type)
    if manifest.subject != entry.manifest:
        raise _misplaced(entry, digest, f"attached to {entry.manifest}", f"attached to {manifest.subject}")
    return StoredManifest(Content(digest, len(data)), manifest)


def _require_own_name(layout: Layout, entry: Entry, model: Manifest) -> None:
    """A model's config names the release; the same bytes under another name are a replay."""
    data = read_blob(layout, model.config, use=f"the config of {entry.label}")
    name = named_in_config(data, digest=model.config.digest)
    if name != entry.name:
        raise IntegrityError(
            f"{entry.label} is the model that was released as '{name}': an old release was put under a new "
            "name; do not serve it, and ask who wrote that entry"
        )


def _require_own_part(entry: Entry, path: str, manifest: Manifest) -> None:
    kind = attachment_of(path)
    wanted = MODEL_TYPE if kind is None else artifact_type(kind)
    if manifest.artifact_type != wanted:
        raise _misplaced(entry, path, f"in {wanted}", f"in {manifest.artifact_type}")


def _misplaced(entry: Entry, what: str, wanted: str, got: str) -> IntegrityError:
    return IntegrityError(
        f"{what} of {entry.label} must be {wanted}, got {got}; do not serve this release, restore the "
        "registry from a copy"
    )
