"""What an intruder can write: logs, manifests and releases in the very form that a registry gives them.

Whoever holds the files alone can rewrite all but the signatures; with the log's key the checkpoint too, with
the author's key the releases' signatures too. Each function here goes all the way, so that what a test shows
to be caught is caught by what cannot be forged, and not by a slip of the forger.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from smallcraft.canonical import digest_bytes
from smallcraft.cli.main import run
from smallcraft.errors import IntegrityError
from smallcraft.records import Release, StoredFile
from smallcraft.registry.content.disk import Layout
from smallcraft.registry.indexing import live_puts, named_of
from smallcraft.registry.keys.keyring import Author
from smallcraft.registry.keys.policy import encode_policy, policy_of
from smallcraft.registry.manifests.index import build_index
from smallcraft.registry.manifests.kinds import SIGNATURE_PATH, attachment_of
from smallcraft.registry.manifests.manifest import FileLayer, Manifest, encode_manifest, model_config
from smallcraft.registry.opening import OpenLog, Trust
from smallcraft.registry.proofs.openssf import sign_files
from smallcraft.registry.proofs.two_logs import claimed_policies, open_copy
from smallcraft.registry.reading import read_stored
from smallcraft.registry.store import Registry
from smallcraft.registry.tlog.checkpoint import Checkpoint, sign_checkpoint
from smallcraft.registry.tlog.entry import Content, Entry, encode_entry
from smallcraft.registry.tlog.note import Signer
from smallcraft.registry.tlog.tiles import TileLog
from smallcraft.registry.verify.copies import read_copy
from smallcraft.registry.verify.expecting import expected_blobs
from smallcraft.registry.verify.registry import verify_registry

NOW = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)


def overwrite(path: Path, data: bytes) -> None:
    """Stored files are read-only; that stops nobody who owns them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        path.chmod(0o644)
    path.write_bytes(data)


def steal_keys(owner: Trust, folder: Path) -> Trust:
    """The owner's private keys in a folder of the thief's own, which has no pins."""
    shutil.copytree(owner.folder / "keys", folder / "keys")
    return Trust(folder)


def open_log_of(layout: Layout) -> OpenLog:
    """The log as it is, whatever anybody pinned."""
    return open_copy(layout, claimed_policies(layout))


def put_numbers(log: OpenLog) -> list[int]:
    """Places of the put entries among all, from 0."""
    return [place for place, entry in enumerate(log.entries) if entry.kind == "put"]


def put_of(layout: Layout, version: int) -> Entry:
    """The entry that made a version."""
    log = open_log_of(layout)
    return log.entries[put_numbers(log)[version - 1]]


def weights_of(layout: Layout, version: int, path: str = "bundle/model.json") -> Path:
    """The blob that holds a file of a release."""
    return layout.blob(read_stored(layout, put_of(layout, version)).locations[path].file.digest)


def store(layout: Layout, data: bytes) -> Content:
    """Add a blob under its own digest."""
    content = Content(digest_bytes(data), len(data))
    if not layout.blob(content.digest).exists():
        overwrite(layout.blob(content.digest), data)
    return content


def rewrite_raw(layout: Layout, raw: Sequence[bytes], *, signer: Signer | None = None) -> None:
    """Make these entries the log: tiles of their own, and with the key a checkpoint over them."""
    shutil.rmtree(layout.log / "tile")
    appended = TileLog(_no_tile, 0).append(raw)
    for path, data in appended.files.items():
        overwrite(layout.tile(path), data)
    if signer is not None:
        checkpoint = Checkpoint(signer.name, appended.size, appended.root)
        overwrite(layout.checkpoint, sign_checkpoint(checkpoint, signer))
        overwrite(layout.policy, encode_policy(policy_of([signer.vkey])))
        # Entries that break the rules of order give no index; there the forger has none to write.
        with contextlib.suppress(IntegrityError):
            tidy(layout)


def rewrite_log(layout: Layout, entries: Sequence[Entry], *, signer: Signer | None = None) -> None:
    """The same from values."""
    rewrite_raw(layout, [encode_entry(entry) for entry in entries], signer=signer)


def tidy(layout: Layout) -> None:
    """Bring the index up to the log, and remove every blob that it does not reach any more."""
    log = open_log_of(layout)
    overwrite(layout.index, build_index(name for put in live_puts(log) for name in named_of(layout, put)))
    stored = [read_stored(layout, entry) for entry in log.entries if entry.kind == "put"]
    reached = expected_blobs(layout, log, stored)
    for path in layout.blobs.iterdir():
        if f"sha256:{path.name}" not in reached:
            path.unlink()


def forge_release(
    layout: Layout, entry: Entry, edits: Mapping[str, bytes], *, author: Author | None = None
) -> Entry:
    """A put entry for the same release with other files: blobs and manifests are stored for it.

    Args:
        layout: The registry.
        entry: The release that it is made from; its name and version are those of the new one.
        edits: Path to new bytes.
        author: Signs what it is now; None keeps the signature that is there.
    """
    stored = read_stored(layout, entry)
    files = {path: at.file for path, at in stored.locations.items()}
    for path, data in edits.items():
        content = store(layout, data)
        files[path] = StoredFile(path, content.digest, content.size_bytes)
    if author is not None:
        digests = {path: file.digest for path, file in files.items() if path != SIGNATURE_PATH}
        content = store(layout, sign_files(digests, name=entry.label, author=author))
        files[SIGNATURE_PATH] = StoredFile(SIGNATURE_PATH, content.digest, content.size_bytes)

    def rewritten(manifest: Manifest) -> Manifest:
        layers = [
            layer if files[layer.file.path] == layer.file else FileLayer(files[layer.file.path])
            for layer in manifest.files
        ]
        return replace(manifest, files=tuple(layers))

    bound = [Content(f.digest, f.size_bytes) for path, f in sorted(files.items()) if not attachment_of(path)]
    config = store(layout, model_config(entry.name or "", bound))
    model = store(layout, encode_manifest(replace(rewritten(stored.model.manifest), config=config)))
    attached = [
        store(layout, encode_manifest(replace(rewritten(one.manifest), subject=model)))
        for one in stored.attached
    ]
    return replace(entry, manifest=model, attestations=tuple(content.digest for content in attached))


def replace_release(
    layout: Layout, version: int, edits: Mapping[str, bytes], *, signer: Signer, author: Author | None = None
) -> None:
    """Rewrite history so that a version always had these files: later versions follow the new manifest."""
    log = open_log_of(layout)
    entries = list(log.entries)
    place = put_numbers(log)[version - 1]
    entries[place] = forge_release(layout, entries[place], edits, author=author)
    for later in put_numbers(log)[version : version + 1]:
        entries[later] = replace(entries[later], prev=(entries[place].manifest or Content("", 0)).digest)
    rewrite_log(layout, entries, signer=signer)


def assert_verify_names(root: Path, message: str, *, trust: Trust, pin: Path | None = None) -> None:
    """`verify` says so, as a function; the command line ends with exit code 4."""
    copies = () if pin is None else (read_copy(pin),)
    with pytest.raises(IntegrityError, match=message):
        verify_registry(root, trust=trust, copies=copies)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMALLCRAFT_CONFIG", str(trust.folder))
        assert run(["verify", str(root), *([] if pin is None else ["--pin", str(pin)])]) == 4


def assert_not_served(root: Path, release: Release, *, trust: Trust, path: str = "bundle/model.json") -> None:
    """No way of reading hands out a byte of that release."""
    for use in ("find", "file", "folder"):
        with pytest.raises(IntegrityError):
            serve(root, release, use, trust=trust, path=path)
    assert not (root.parent / "served").exists()


def serve(root: Path, release: Release, use: str, *, trust: Trust, path: str) -> object:
    registry = Registry.open(root, trust=trust)
    if use == "find":
        return registry.find(release.label).read(path)
    if use == "file":
        return registry.read_file(release, path)
    return registry.materialize(release, root.parent / "served")


def _no_tile(path: str) -> bytes:
    raise FileNotFoundError(path)
