"""The writer's side of the disk: declare, give names, commit; a crash is taken back or finished.

Leaves to others: the lock that every function here needs held (`registry.store`), what the bytes say
(`registry.tlog`, `registry.manifests`).
Always: the checkpoint's rename is the commit. Before it a sweep takes everything back, after it a sweep
finishes the rest; a sweep touches only what a writer declared it was about to write. Three syncs a commit:
what is new, its names, the checkpoint's rename.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from smallcraft.canonical import canonical_json
from smallcraft.errors import IntegrityError
from smallcraft.registry.content.disk import (
    Layout,
    read_bytes,
    rename_durably,
    sync_file,
    sync_folder,
    write_new,
)
from smallcraft.registry.content.staging import Staging, sync_filesystem

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TILE = re.compile(r"tile/(?:entries|[0-9]{1,2})/(?:x[0-9]{3}/)*[0-9]{3}(?:\.p/[0-9]{1,3})?")


@dataclass(frozen=True)
class Intent:
    """What a writer declares before it gives anything its final name.

    Attributes:
        size: Of the log after the commit.
        blobs: Digests of the blobs that are new.
        tiles: Paths below the log of the tiles that are new.
        is_deriving: Whether what is derived from the log changes with it.
    """

    size: int
    blobs: tuple[str, ...]
    tiles: tuple[str, ...]
    is_deriving: bool = True


def commit(
    layout: Layout,
    staging: Staging,
    *,
    size: int,
    tiles: Mapping[str, bytes],
    checkpoint: bytes,
    is_deriving: bool = True,
    policy: bytes | None = None,
    first: Callable[[], None] | None = None,
) -> None:
    """Make staged blobs, tiles and a checkpoint the state of the registry.

    Steps: (1) declare; (2) everything staged is durable; (3) blobs and tiles get their names; (4) those are
    durable too; (5) elsewhere, where others write too; (6) the checkpoint's rename: the commit.

    Args:
        layout: The registry.
        staging: What is new; a blob that is there already is replaced by the same bytes, which heals a
            damaged one.
        size: Of the log with the new entries.
        tiles: Path below the log to bytes, as the tile log gives them.
        checkpoint: The signed note over that log.
        is_deriving: Whether the sweep afterwards has to bring up what is derived from the log.
        policy: That lists the key of the checkpoint, where it is a new one; None leaves the policy.
        first: Commits the same elsewhere; what it raises leaves the registry as it was.

    Raises:
        IntegrityError: A tile that nobody declared is there already; nothing was changed.
    """
    _refuse_planted(layout, tiles)
    # (1) declare
    new = tuple(digest for digest in staging.paths if not layout.blob(digest).exists())
    intent = staging.add(_encode_intent(Intent(size, new, tuple(tiles), is_deriving)))
    layout.intent.hardlink_to(staging.paths[intent.digest])
    # (2) durable under temporary names
    staging.sync()
    if staging.folder != layout.tmp:
        sync_folder(layout.tmp)
    staging.discard(intent.digest)
    # (3) names
    for digest, waiting in staging.paths.items():
        waiting.replace(layout.blob(digest))
    for path, data in tiles.items():
        layout.tile(path).parent.mkdir(parents=True, exist_ok=True)
        write_new(layout.tile(path), data, is_synced=False)
    staged_checkpoint = layout.tmp / "checkpoint.new"
    write_new(staged_checkpoint, checkpoint, is_synced=False)
    if policy is not None:
        put(layout, layout.policy, policy)
    # (4) durable under their names
    if not sync_filesystem(layout.root):
        _sync_each(layout, staging.paths, [*map(layout.tile, tiles), staged_checkpoint])
    # (5) elsewhere
    if first is not None:
        first()
    # (6) the commit
    rename_durably(staged_checkpoint, layout.checkpoint)


def put(layout: Layout, target: Path, data: bytes) -> None:
    """Write a file under a temporary name, synced, then give it its own."""
    staged = layout.tmp / f"{target.name}.new"
    staged.unlink(missing_ok=True)
    write_new(staged, data)
    rename_durably(staged, target)


def sweep(layout: Layout, *, committed: Callable[[], int], finish: Callable[[], None]) -> None:
    """Finish or take back what a writer began, and empty tmp.

    A file that no writer declared is left for `registry.verify` to name.

    Args:
        layout: The registry.
        committed: Size of the log under the checkpoint; asked only when a writer left a declaration.
        finish: Brings what is derived to the log that is committed; called where a declaration asks for it.

    Raises:
        IntegrityError: The declaration is not one that a writer writes.
    """
    if not any(layout.tmp.iterdir()):
        return
    clear(layout, keep=layout.intent)
    intent = _read_intent(layout) if layout.intent.exists() else None
    if intent is not None:
        if committed() >= intent.size:
            _drop_narrower(layout, intent.tiles)
        else:
            _take_back(layout, intent)
        if intent.is_deriving:
            finish()
    # Last, and not synced: a declaration that comes back after a power cut is followed once more.
    clear(layout)


def clear(layout: Layout, *, keep: Path | None = None) -> None:
    """Remove what is in tmp, but for `keep`."""
    for path in sorted(layout.tmp.iterdir()):
        if path == keep:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _take_back(layout: Layout, intent: Intent) -> None:
    """Before the declaration goes, what it declared is durably gone: else nobody would know whose it was."""
    folders = {layout.blobs}
    for tile in intent.tiles:
        layout.tile(tile).unlink(missing_ok=True)
        _remove_empty(layout, layout.tile(tile).parent)
        folders.add(next(folder for folder in layout.tile(tile).parents if folder.is_dir()))
    for digest in intent.blobs:
        layout.blob(digest).unlink(missing_ok=True)
    for folder in sorted(folders):
        sync_folder(folder)


def _drop_narrower(layout: Layout, tiles: Sequence[str]) -> None:
    """Partial tiles that the new ones hold whole; whoever reads an older state reads the wider tile."""
    for path in tiles:
        stem, is_partial, width = path.partition(".p/")
        folder = layout.tile(f"{stem}.p")
        if not folder.is_dir():
            continue
        for name in [entry.name for entry in folder.iterdir()]:
            if not is_partial or (name.isdecimal() and int(name) < int(width)):
                (folder / name).unlink()
        _remove_empty(layout, folder)


def _remove_empty(layout: Layout, folder: Path) -> None:
    """Folders of tiles that hold nothing, up to the log's own."""
    while folder not in {layout.log, layout.log / "tile", layout.log / "tile" / "entries"}:
        if not folder.is_dir() or any(folder.iterdir()):
            return
        folder.rmdir()
        folder = folder.parent


def _sync_each(layout: Layout, digests: Mapping[str, Path], files: Sequence[Path]) -> None:
    """Where the system has no way to sync a whole file system."""
    for path in files:
        sync_file(path)
        for folder in (path.parent, *path.parent.parents):
            if folder == layout.root:
                break
            sync_folder(folder)
    if digests:
        sync_folder(layout.blobs)


def _encode_intent(intent: Intent) -> bytes:
    return canonical_json(intent)


def _read_intent(layout: Layout) -> Intent | None:
    """The declaration; None where a power cut left a part of it, so that nothing had its name yet."""
    name = layout.name_of(layout.intent)
    data = read_bytes(layout.intent, name=name)
    if not data.strip(b"\0") or (data[:1] == b"{" and data[-1:] != b"}"):
        return None
    try:
        value = json.loads(data)
        intent = Intent(
            int(value["size"]),
            tuple(str(digest) for digest in value["blobs"]),
            tuple(str(path) for path in value["tiles"]),
            value["is_deriving"] is True,
        )
        are_digests = all(_DIGEST.fullmatch(digest) for digest in intent.blobs)
        are_tiles = all(_TILE.fullmatch(path) for path in intent.tiles)
        problem = (
            "" if intent.size > 0 and are_digests and are_tiles else "a size, digests and tiles expected"
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        problem = str(error)
    if problem:
        raise IntegrityError(
            f"{name} is not what a writer declares ({problem}); delete it, then run `smallcraft verify`"
        )
    return intent


def _refuse_planted(layout: Layout, tiles: Mapping[str, bytes]) -> None:
    """A tile past the checkpoint that no writer declared must not be written over."""
    for path in tiles:
        if layout.tile(path).exists() or layout.tile(path).is_symlink():
            raise IntegrityError(
                f"log/{path} is there already, but the checkpoint does not cover it: it was planted, or the "
                "checkpoint was put back to an older one; compare with a copy before publishing"
            )
