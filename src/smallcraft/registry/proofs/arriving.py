"""What arrives at a registry in a folder from another one: blobs, then the log, then what follows from it.

Leaves to others: where it comes from and what may come (`proofs.transfer`, `sharing.fetching`), the commit
itself (`registry.committing`).
Always: the target has the old state or the new one, whole; a copy that was interrupted goes on where it was.
Not covered: the lock, which the caller holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Protocol

from smallcraft.errors import IntegrityError
from smallcraft.registry.committing import clear, commit, put, sweep
from smallcraft.registry.content.disk import Layout, make_folders, read_bytes
from smallcraft.registry.creating import refuse_foreign_folder
from smallcraft.registry.indexing import live_puts, named_of
from smallcraft.registry.keys.policy import Policy
from smallcraft.registry.manifests.index import build_index
from smallcraft.registry.manifests.kinds import OCI_LAYOUT
from smallcraft.registry.opening import OpenLog
from smallcraft.registry.proofs.incoming import INCOMING, Incoming, open_incoming
from smallcraft.registry.proofs.two_logs import open_copy
from smallcraft.registry.tlog.entry import Content
from smallcraft.registry.tlog.tiles import empty_log

Tell = Callable[[int, int], object]


def tell_nobody(done_bytes: int, all_bytes: int) -> None:
    """Where nobody watches."""


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


class Source(Protocol):
    """Where a registry comes from."""

    @property
    def where(self) -> str:
        """For messages."""

    @property
    def policy(self) -> bytes:
        """That the target claims from now on."""

    @property
    def at_once(self) -> int:
        """How many blobs are asked for at the same time."""

    def needed(self, log: OpenLog, incoming: Incoming) -> Mapping[str, Content]:
        """Every blob that a reader of the log may ask for; what tells that is in `incoming` afterwards."""

    def fetch(self, content: Content, incoming: Incoming) -> None:
        """Take in one blob.

        Raises:
            IntegrityError: The source lacks it, or holds other bytes.
        """


def bring_up(
    target: Layout, source: Source, log: OpenLog, known: OpenLog | None, *, tell: Tell = tell_nobody
) -> Transfer:
    """Take over everything that a source has.

    Args:
        target: A registry's folder, locked.
        source: Where the rest comes from.
        log: The source's, checked; it continues the target's.
        known: The target's; None where it has none.
        tell: Told of the bytes of missing blobs that are there, and of how many there will be.

    Raises:
        IntegrityError: The source lacks a blob, or holds other bytes; its entries have another root.
    """
    size = known.tiles.size if known else 0
    # (1) blobs
    incoming = open_incoming(target)
    incoming.adopt()
    resumed_from = set(incoming.paths)
    needed = source.needed(log, incoming)
    wanted = {digest: content for digest, content in needed.items() if not _has(target, content)}
    incoming.keep_only(set(wanted))
    resumed = len(resumed_from.intersection(incoming.paths))
    missing = [content for digest, content in wanted.items() if digest not in incoming.paths]
    _fetch_all(source, missing, incoming, tell=tell)
    # (2) tiles and checkpoint
    tiles = known.tiles if known else empty_log()
    appended = tiles.append(log.raw[size:])
    if appended.root != log.checkpoint.root:
        raise IntegrityError(
            f"the entries of {source.where} do not give the root of its checkpoint on top of {target.root}; "
            "run `smallcraft verify` on both"
        )
    _put_first_files(target, source.policy)
    if known is None or size < log.tiles.size or wanted:
        note = known.note if known and size == log.tiles.size else log.note
        commit(target, incoming, size=log.tiles.size, tiles=appended.files, checkpoint=note)
    # (3) derived
    sweep(target, committed=lambda: log.tiles.size, finish=lambda: None)
    _derive(target, source.policy, log)
    copied = [wanted[digest].size_bytes for digest in wanted if digest not in resumed_from]
    return Transfer(log.checkpoint.origin, size, log.tiles.size, 0, len(copied), sum(copied), resumed)


def _fetch_all(source: Source, missing: Sequence[Content], incoming: Incoming, *, tell: Tell) -> None:
    """Some at a time; after one that fails no other is begun, and what came whole stays for the next run."""
    total, done = sum(content.size_bytes for content in missing), 0
    with ThreadPoolExecutor(source.at_once) as pool:
        fetching = {pool.submit(source.fetch, content, incoming): content for content in missing}
        try:
            for one in as_completed(fetching):
                one.result()
                done += fetching[one].size_bytes
                tell(done, total)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def prepare(target: Layout) -> None:
    """The target's folders, in a place that is nobody else's."""
    if not target.checkpoint.exists() and not target.intent.exists():
        refuse_foreign_folder(target)
    make_folders(target)


def open_target(target: Layout, policies: Sequence[Policy]) -> OpenLog | None:
    """The target's log, or None where it has none yet; what an interrupted writer left is settled."""
    known = None
    if target.checkpoint.exists():
        # It need not be trusted: whatever it holds must begin the source's log.
        known = open_copy(target, policies)
    if target.intent.exists():
        sweep(target, committed=lambda: known.tiles.size if known else 0, finish=lambda: None)
    else:
        clear(target, keep=target.tmp / INCOMING)
    if known is None:
        refuse_foreign_folder(target)
    return known


def _has(layout: Layout, content: Content) -> bool:
    """Whether a blob is there, as far as its size tells; `scrub` reads it."""
    path = layout.blob(content.digest)
    return path.is_file() and not path.is_symlink() and path.stat().st_size == content.size_bytes


def _put_first_files(target: Layout, policy: bytes) -> None:
    """What a registry has before its first checkpoint."""
    if not target.oci_layout.exists():
        put(target, target.oci_layout, OCI_LAYOUT)
    if not target.policy.exists():
        put(target, target.policy, policy)


def _derive(target: Layout, policy: bytes, log: OpenLog) -> None:
    """The index, from the log; the policy, which a new key of the log changes."""
    index = build_index(name for entry in live_puts(log) for name in named_of(target, entry))
    wanted = {target.index: index, target.policy: policy}
    for path, data in wanted.items():
        if not path.exists() or read_bytes(path, name=target.name_of(path)) != data:
            put(target, path, data)
