"""Push and pull between two registries in folders: what is missing is copied, history is never rewritten.

Steps of both: (1) lock both; (2) open both logs under a policy; (3) the target's log must begin the source's;
(4) copy the blobs that are missing, each hashed on the way; (5) tiles, then the checkpoint: the commit;
(6) what is derived.
Leaves to others: the commit itself (`registry.committing`); the check of everything afterwards (`verify`).
Always: the target has the old state or the new one, whole; its checkpoint is replaced only by one that
continues it; a copy that was interrupted goes on where it was.
Covered: a remote that is ahead, forked, or of another log; blobs, entries, tiles and checkpoints changed on
either side; kill -9 at any point; two at the same time.
Not covered: blobs that the source erased and the target still has (`smallcraft gc` there), a rollback of both
(pins show that), file systems without flock.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError, SmallcraftError
from smallcraft.registry.committing import clear, commit, put, sweep
from smallcraft.registry.content.disk import CHECKPOINT_PATH, Layout, locked, make_folders, read_bytes
from smallcraft.registry.creating import refuse_foreign_folder
from smallcraft.registry.indexing import live_puts, named_of
from smallcraft.registry.keys.policy import Policy, encode_policy
from smallcraft.registry.manifests.index import build_index
from smallcraft.registry.manifests.kinds import OCI_LAYOUT
from smallcraft.registry.opening import OpenLog, read_policy
from smallcraft.registry.proofs.incoming import INCOMING, open_incoming
from smallcraft.registry.proofs.needed import needed_blobs
from smallcraft.registry.proofs.two_logs import claimed_policies, entries_ahead, open_copy
from smallcraft.registry.tlog.entry import Content
from smallcraft.registry.tlog.tiles import TileLog


@dataclass(frozen=True)
class Transfer:
    """What a push or a pull did.

    Attributes:
        origin: Of the log.
        size_before: Entries of the target before; 0 where there was none.
        size: Entries of the target now.
        ahead: Entries that the target has and the source has not (a pull from a remote that is behind).
        blobs: How many were copied in this run.
        copied_bytes: In this run.
        resumed: Blobs that an interrupted run had copied already.
    """

    origin: str
    size_before: int
    size: int
    ahead: int = 0
    blobs: int = 0
    copied_bytes: int = 0
    resumed: int = 0


def push(local: Path, remote: Path, *, policy: Policy | None = None) -> Transfer:
    """Bring a remote up to the local registry.

    Args:
        local: A registry.
        remote: A folder that is absent, empty, or a registry of the same log.
        policy: Whose logs count; None takes what the local registry claims.

    Raises:
        InvalidInputError: The remote is ahead, or the folder holds something else.
        IntegrityError: The remote is forked, of another log, or something on either side is broken.
        NotFoundError: There is no local registry.
    """
    return _carry(Layout(local), Layout(remote), policy, may_be_ahead=False)


def pull(
    remote: Path, local: Path, *, verify: Callable[[Path], object], policy: Policy | None = None
) -> Transfer:
    """Bring the local registry up to a remote, then verify it.

    Args:
        remote: A registry.
        local: A folder that is absent, empty, or a registry of the same log.
        verify: The check of a whole registry; raises where something is broken.
        policy: Whose logs count; None takes what the local registry claims, without one what the remote does.

    Raises:
        InvalidInputError: The folder holds something else.
        IntegrityError: The remote is forked, of another log, or something on either side is broken.
        NotFoundError: There is no remote registry.
    """
    done = _carry(Layout(remote), Layout(local), policy, may_be_ahead=True)
    verify(local)
    return done


def _carry(source: Layout, target: Layout, policy: Policy | None, *, may_be_ahead: bool) -> Transfer:
    if not source.checkpoint.exists():
        raise NotFoundError(
            f"no registry at {source.root}: {CHECKPOINT_PATH} is not there; name another folder"
        )
    if source.root.resolve() == target.root.resolve():
        raise InvalidInputError(f"{target.root} cannot be brought up to itself; name another folder")
    try:
        _prepare(target)
        # (1) lock both
        with _both_locked(source, target):
            # (2) open both
            known = _open_target(source, target, policy)
            log = open_copy(source, [policy] if policy else claimed_policies(target, source))
            # (3) one log
            ahead = entries_ahead(log, known, source=source.root, target=target.root)
            if ahead and not may_be_ahead:
                raise InvalidInputError(
                    f"{target.root} is {ahead} entries ahead of {source.root}: pull them first, then push"
                )
            if ahead:
                size = log.tiles.size + ahead
                return Transfer(log.checkpoint.origin, size, size, ahead=ahead)
            return _bring_up(source, target, log, known)
    except OSError as error:
        raise SmallcraftError(
            f"copying from {source.root} to {target.root} stopped ({error}); free space or fix the "
            "permissions, then run the same command again: it goes on where it was"
        ) from error


def _bring_up(source: Layout, target: Layout, log: OpenLog, known: OpenLog | None) -> Transfer:
    size = known.tiles.size if known else 0
    # (4) blobs
    incoming = open_incoming(target)
    incoming.adopt()
    wanted = {
        digest: content for digest, content in needed_blobs(source, log).items() if not _has(target, content)
    }
    resumed = incoming.keep_only(set(wanted))
    missing = [content for digest, content in wanted.items() if digest not in incoming.paths]
    for content in missing:
        incoming.fetch(source, content)
    # (5) tiles and checkpoint
    tiles = known.tiles if known else TileLog(_no_tile, 0)
    appended = tiles.append(log.raw[size:])
    if appended.root != log.checkpoint.root:
        raise IntegrityError(
            f"the entries of {source.root} do not give the root of its checkpoint on top of {target.root}; "
            "run `smallcraft verify` on both"
        )
    _put_first_files(source, target)
    if known is None or size < log.tiles.size or wanted:
        note = known.note if known and size == log.tiles.size else log.note
        commit(target, incoming, size=log.tiles.size, tiles=appended.files, checkpoint=note)
    # (6) derived
    sweep(target, committed=lambda: log.tiles.size, finish=lambda: None)
    _derive(source, target, log)
    copied = sum(content.size_bytes for content in missing)
    return Transfer(log.checkpoint.origin, size, log.tiles.size, 0, len(missing), copied, resumed)


def _prepare(target: Layout) -> None:
    """The target's folders, in a place that is nobody else's."""
    if not target.checkpoint.exists() and not target.intent.exists():
        refuse_foreign_folder(target)
    make_folders(target)


@contextlib.contextmanager
def _both_locked(source: Layout, target: Layout) -> Iterator[None]:
    """In the order of their paths, so that a push and a pull between the two cannot wait for each other."""
    with contextlib.ExitStack() as stack:
        for layout in sorted((source, target), key=lambda layout: layout.root.resolve()):
            stack.enter_context(locked(layout.log, shared=layout is source))
        yield


def _open_target(source: Layout, target: Layout, policy: Policy | None) -> OpenLog | None:
    """The target's log, or None where it has none yet; what an interrupted writer left is settled."""
    known = None
    if target.checkpoint.exists():
        # It need not be trusted: whatever it holds must begin the source's log.
        known = open_copy(target, [*([policy] if policy else []), *claimed_policies(target, source)])
    if target.intent.exists():
        sweep(target, committed=lambda: known.tiles.size if known else 0, finish=lambda: None)
    else:
        clear(target, keep=target.tmp / INCOMING)
    if known is None:
        refuse_foreign_folder(target)
    return known


def _no_tile(path: str) -> bytes:
    raise FileNotFoundError(path)


def _has(layout: Layout, content: Content) -> bool:
    """Whether a blob is there, as far as its size tells; `scrub` reads it."""
    path = layout.blob(content.digest)
    return path.is_file() and not path.is_symlink() and path.stat().st_size == content.size_bytes


def _put_first_files(source: Layout, target: Layout) -> None:
    """What a registry has before its first checkpoint."""
    if not target.oci_layout.exists():
        put(target, target.oci_layout, OCI_LAYOUT)
    if not target.policy.exists():
        put(target, target.policy, encode_policy(read_policy(source)))


def _derive(source: Layout, target: Layout, log: OpenLog) -> None:
    """The index, from the log; the policy, which a new key of the log changes."""
    index = build_index(name for entry in live_puts(log) for name in named_of(target, entry))
    wanted = {target.index: index, target.policy: encode_policy(read_policy(source))}
    for path, data in wanted.items():
        if not path.exists() or read_bytes(path, name=target.name_of(path)) != data:
            put(target, path, data)
