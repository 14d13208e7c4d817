"""The writer's side of the registry: stage, declare, commit, and sweep what a crash left behind.

Leaves to others: the lock that every function here needs held (`registry.store`), what the bytes
say (`registry.log`, `registry.manifest`), how they reach the disk (`registry.disk`).
Always: the checkpoint's rename is the commit. Before it a sweep takes everything back, after it a
sweep finishes the rest; a sweep touches only what a writer declared it was about to write.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from smallcraft.canonical import canonical_json, digest_bytes
from smallcraft.errors import IntegrityError
from smallcraft.records import StoredFile
from smallcraft.registry.checkpoint import encode_checkpoint
from smallcraft.registry.disk import (
    Content,
    Layout,
    copy_hashed,
    read_bytes,
    read_checkpoint,
    read_log,
    rename_durably,
    sync_folder,
    write_new,
)
from smallcraft.registry.log import Entry, Log, append_entry, entry_path
from smallcraft.registry.manifest import OCI_LAYOUT, build_index, build_manifest

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def commit_empty(layout: Layout, log: Log) -> None:
    """Write the files of a registry that holds nothing; its checkpoint comes last."""
    clear(layout)
    _put(layout, layout.oci_layout, OCI_LAYOUT)
    _put(layout, layout.index, build_index(()))
    _put(layout, layout.checkpoint, encode_checkpoint(log.checkpoint))


def commit_release(
    layout: Layout,
    log: Log,
    name: str,
    files: Mapping[str, Path | bytes],
    *,
    facts: bytes,
    created: str,
    by: str | None,
) -> Entry:
    """Store a release, or find the one with this name and content.

    Steps: (1) copy and hash into tmp; (2) return the release that has this content already;
    (3) declare what is about to get its name; (4) blobs; (5) entry; (6) checkpoint: the commit.
    The index is written by the sweep that follows.

    Returns:
        Its log entry.
    """
    # (1) stage
    staged: dict[str, Path] = {}
    stored = []
    for number, (path, source) in enumerate(sorted(files.items())):
        content = _stage(layout, source, number, staged)
        stored.append(StoredFile(path, content.digest, content.size_bytes))
    recorded = _stage(layout, facts, len(files), staged)
    manifest = build_manifest(stored, facts_digest=recorded.digest, facts_size=recorded.size_bytes)
    # (2) the same content again
    for entry in log.entries:
        if (entry.name, entry.manifest_digest) == (name, digest_bytes(manifest)):
            return entry
    _stage(layout, manifest, len(files) + 1, staged)
    new = append_entry(log, name, manifest=manifest, created=created, by=by)
    # (3) declare
    _refuse_uncommitted_entry(layout, new.checkpoint.size)
    _declare(layout, new, [digest for digest in staged if not layout.blob(digest).exists()])
    # (4) a blob that is there already is replaced by the same bytes, which heals a damaged one
    for digest, waiting in staged.items():
        waiting.replace(layout.blob(digest))
    sync_folder(layout.blobs)
    # (5) entry
    _put(layout, layout.entry(new.checkpoint.size), new.raw[-1])
    # (6) the commit
    _put(layout, layout.checkpoint, encode_checkpoint(new.checkpoint))
    return new.entries[-1]


def sweep(layout: Layout) -> None:
    """Finish or take back what a writer began, and empty tmp.

    When the checkpoint covers the declared entry, only the index is behind; when it does not, the
    entry and the blobs that were new are removed. A file that no writer declared is left for
    `registry.verify` to name.

    Raises:
        IntegrityError: The declaration is not one that a writer writes.
    """
    if not any(layout.tmp.iterdir()):
        return
    clear(layout, keep=layout.intent)
    if layout.intent.exists():
        _settle(layout)
        clear(layout)
    sync_folder(layout.tmp)


def clear(layout: Layout, *, keep: Path | None = None) -> None:
    """Remove what is in tmp, but for `keep`."""
    for path in sorted(layout.tmp.iterdir()):
        if path == keep:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _stage(layout: Layout, source: Path | bytes, number: int, staged: dict[str, Path]) -> Content:
    """Copy one source into tmp; equal content is kept once."""
    path = layout.tmp / f"{number:08d}"
    content = copy_hashed(source, path)
    if content.digest in staged:
        path.unlink()
    else:
        staged[content.digest] = path
    return content


def _put(layout: Layout, target: Path, data: bytes) -> None:
    """Write a file under a temporary name, synced, then give it its own."""
    staged = layout.tmp / f"{target.name}.new"
    write_new(staged, data)
    rename_durably(staged, target)


def _declare(layout: Layout, log: Log, new_blobs: list[str]) -> None:
    intent = {"entry": log.checkpoint.size, "blobs": new_blobs}
    _put(layout, layout.intent, canonical_json(intent))


def _settle(layout: Layout) -> None:
    entry, blobs = _read_intent(layout)
    if read_checkpoint(layout).size >= entry:
        _put(layout, layout.index, build_index(read_log(layout).entries))
        return
    layout.entry(entry).unlink(missing_ok=True)
    for digest in blobs:
        layout.blob(digest).unlink(missing_ok=True)
    sync_folder(layout.entries)
    sync_folder(layout.blobs)


def _read_intent(layout: Layout) -> tuple[int, list[str]]:
    name = layout.name_of(layout.intent)
    try:
        intent = json.loads(read_bytes(layout.intent, name=name))
        entry, blobs = int(intent["entry"]), [str(digest) for digest in intent["blobs"]]
        is_declaration = entry > 0 and all(_DIGEST.fullmatch(digest) for digest in blobs)
        problem = "" if is_declaration else "an entry number and digests expected"
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        entry, blobs, problem = 0, [], str(error)
    if problem:
        raise IntegrityError(
            f"{name} is not what a writer declares ({problem}); delete it, then run `smallcraft verify`"
        )
    return entry, blobs


def _refuse_uncommitted_entry(layout: Layout, number: int) -> None:
    """An entry past the checkpoint that no writer declared must not be written over."""
    if layout.entry(number).exists():
        raise IntegrityError(
            f"{entry_path(number)}: entry {number} is stored, but the checkpoint covers "
            f"{number - 1} only: it was planted, or the checkpoint was put back to an older one; "
            "compare with a copy before publishing"
        )
