"""Which blobs a log needs: manifests, attachments, documents, and every blob that a manifest names.

Reads manifests from the registry that has them; copying belongs to `proofs.transfer`.
Always: each manifest was hashed before it was read; a blob of a release that was erased is not needed, unless
another one needs it too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from smallcraft.errors import IntegrityError
from smallcraft.registry.content.disk import Layout
from smallcraft.registry.opening import OpenLog
from smallcraft.registry.reaching import contents_of
from smallcraft.registry.reading import read_manifest, read_stored
from smallcraft.registry.tlog.entry import Content, Entry


def needed_blobs(layout: Layout, log: OpenLog) -> Mapping[str, Content]:
    """Every blob that a reader of the log may ask for, by digest.

    Args:
        layout: A registry that holds them.
        log: Its log, checked.

    Raises:
        IntegrityError: A manifest is missing or not the recorded one; two sizes are said of one blob.
    """
    needed: dict[str, Content] = {}
    for entry in log.entries:
        if entry.kind == "put" and log.is_erased(entry):
            continue
        for content in _of_entry(layout, entry):
            known = needed.setdefault(content.digest, content)
            if known != content:
                raise IntegrityError(
                    f"{entry.label} says that blob {content.digest} has {content.size_bytes} bytes, another "
                    f"manifest says {known.size_bytes}; do not use it, restore the registry from a copy"
                )
    return needed


def _of_entry(layout: Layout, entry: Entry) -> Iterator[Content]:
    if entry.manifest is None:
        return
    yield entry.manifest
    if entry.kind == "put":
        for stored in read_stored(layout, entry).manifests:
            yield from contents_of(stored)
    elif entry.kind == "decision":
        yield from contents_of(read_manifest(layout, entry.manifest, use="a decision"))
