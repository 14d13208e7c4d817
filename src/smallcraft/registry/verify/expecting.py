"""Which blobs a log reaches, what each is for, and which of them may have been thrown away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from smallcraft.canonical import canonical_json
from smallcraft.errors import IntegrityError
from smallcraft.registry.content.disk import Layout, read_blob, read_bytes
from smallcraft.registry.manifests.kinds import artifact_type
from smallcraft.registry.manifests.manifest import LARGEST_BYTES, Manifest, parse_object
from smallcraft.registry.opening import OpenLog
from smallcraft.registry.reading import Stored, StoredManifest, read_manifest
from smallcraft.registry.tlog.entry import Content, Entry

REMOVED_FORMAT = 1

_MOST_USES = 4


@dataclass(frozen=True)
class Expected:
    """A blob that the log reaches.

    Attributes:
        content: What its bytes must be.
        use: What they are for, as it should stand in a message.
        may_be_gone: Whether it belongs to erased releases only, and an entry says that it went.
        index: Of a pack: the blob that lists what is in it.
    """

    content: Content
    use: str
    may_be_gone: bool = False
    index: Content | None = None

    def joined(self, other: Expected) -> Expected:
        """The same blob with another use; a few are enough to say."""
        told = self.use.split("; ")
        is_told = len(told) == _MOST_USES or other.use in told
        return self if is_told else replace(self, use=f"{self.use}; {other.use}")


def expected_blobs(layout: Layout, log: OpenLog, stored: Sequence[Stored]) -> dict[str, Expected]:
    """Every blob that the log reaches, with all that it is for.

    Args:
        layout: The registry.
        log: Checked.
        stored: Its releases, but for those that were erased.

    Raises:
        IntegrityError: A digest is recorded with two sizes, or an erased release is gone without an entry
            that says so.
    """
    expected: dict[str, Expected] = {}
    for blob in _reached(layout, log, stored):
        known = expected.setdefault(blob.content.digest, blob)
        if known.content.size_bytes != blob.content.size_bytes:
            raise IntegrityError(
                f"{blob.use} is recorded with {blob.content.size_bytes} bytes, {known.use} with "
                f"{known.content.size_bytes}, though both are {blob.content.digest}; do not serve either"
            )
        expected[blob.content.digest] = known.joined(blob)
    return expected


def encode_removed(contents: Sequence[Content]) -> bytes:
    """The document of a gc entry: which blobs went."""
    removed = sorted((content.digest, content.size_bytes) for content in contents)
    return canonical_json({"v": REMOVED_FORMAT, "removed": [list(pair) for pair in removed]})


def removed_by(layout: Layout, log: OpenLog) -> Mapping[str, Content]:
    """Blobs that gc entries say went, by digest.

    Raises:
        IntegrityError: Such a document is not the one that was logged.
    """
    removed: dict[str, Content] = {}
    for number, entry in enumerate(log.entries, start=1):
        if entry.kind == "gc" and entry.manifest:
            what = f"the list of what entry {number} removed"
            value = parse_object(read_blob(layout, entry.manifest, use=what), what=what)
            removed |= {digest: Content(digest, size) for digest, size in value["removed"]}
    return removed


def blobs_of(stored: Stored) -> Iterator[Expected]:
    """Every blob of a release."""
    for manifest in stored.manifests:
        yield from _blobs_of_manifest(manifest, stored.entry.label)


def _reached(layout: Layout, log: OpenLog, stored: Sequence[Stored]) -> Iterator[Expected]:
    for one in stored:
        yield from blobs_of(one)
    for number, entry in enumerate(log.entries, start=1):
        if entry.kind == "decision" and entry.manifest:
            use = f"the decision of entry {number}"
            manifest = read_manifest(layout, entry.manifest, use=use)
            _require_decision(number, manifest.manifest)
            yield from _blobs_of_manifest(manifest, use)
        elif entry.kind in {"gc", "look"} and entry.manifest:
            yield Expected(entry.manifest, f"the document of entry {number} ({entry.kind})")
    removed = removed_by(layout, log)
    for entry in log.entries:
        if entry.kind == "put" and log.is_erased(entry):
            yield from _erased(layout, entry, removed)
    # A collection that was cut short has moved some of them only.
    for content in removed.values():
        yield Expected(content, "a blob that was removed", may_be_gone=True)


def _erased(layout: Layout, entry: Entry, removed: Mapping[str, Content]) -> Iterator[Expected]:
    """What may still be there of an erased release; whatever is gone of it, an entry says so."""
    assert entry.manifest is not None
    for digest in (entry.manifest.digest, *entry.attestations):
        path = layout.blob(digest)
        if not path.exists() and digest in removed:
            continue
        name = f"{layout.name_of(path)} (a manifest of {entry.label}, which no entry says was removed)"
        size_bytes = len(read_bytes(path, name=name, limit=LARGEST_BYTES))
        use = f"{entry.label}, which was erased"
        manifest = read_manifest(layout, Content(digest, size_bytes), use=f"a manifest of {use}")
        for blob in _blobs_of_manifest(manifest, use):
            yield replace(blob, may_be_gone=blob.content.digest in removed)


def _require_decision(number: int, manifest: Manifest) -> None:
    if manifest.artifact_type != artifact_type("decision"):
        raise IntegrityError(
            f"entry {number} must name a decision, got {manifest.artifact_type}; restore the registry"
        )


def _blobs_of_manifest(stored: StoredManifest, use: str) -> Iterator[Expected]:
    manifest = stored.manifest
    yield Expected(stored.content, f"a manifest of {use}")
    yield Expected(manifest.config, f"the config of {use}")
    for layer in manifest.files:
        file = layer.file
        content = layer.recipe or Content(file.digest, file.size_bytes)
        what = f"the recipe of {file.path}" if layer.recipe else file.path
        yield Expected(content, f"{what} of {use}")
    for content in manifest.blocks:
        yield Expected(content, f"blocks of {use}")
    for pack in manifest.packs:
        yield Expected(pack.pack, f"a pack of {use}", index=pack.index)
        yield Expected(pack.index, f"the index of a pack of {use}")
