"""Push to a remote that is no folder: what is missing is sent, history is never rewritten.

Steps: (1) lock and open the local log; (2) open the remote's; (3) it must begin the local one; (4) send the
blobs that are missing, each hashed on the way; (5) commit on condition that the remote is as it was read;
(6) where somebody else committed meanwhile, begin again at (2).
Leaves to others: how a remote keeps things (`remotes.bucket` and beside it).
Always: the remote has the old state or the new one, whole; a push that was interrupted goes on where it was.
Covered: a remote that is ahead, forked, or of another log; other writers at the same time, as far as the
kind of remote tells them apart; kill -9 at any point.
Not covered: blobs that the remote has under the right size with other bytes; `pull` refuses and names them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError, RemoteError
from smallcraft.registry.content.disk import CHECKPOINT_PATH, Layout, locked, read_blob
from smallcraft.registry.indexing import live_puts, named_of
from smallcraft.registry.keys.policy import Policy, encode_policy, parse_policy
from smallcraft.registry.opening import OpenLog, read_policy
from smallcraft.registry.papers.checking import with_checkpoint
from smallcraft.registry.proofs.arriving import Transfer
from smallcraft.registry.proofs.needed import needed_blobs
from smallcraft.registry.proofs.two_logs import claimed_policies, entries_ahead, open_copy, open_noted
from smallcraft.registry.reading import read_stored
from smallcraft.registry.remotes.remote import Change, Head, Remote
from smallcraft.registry.tlog.entry import Content
from smallcraft.registry.tlog.tiles import empty_log

_MOST_TURNS = 100
_AT_ONCE = 8
CARD = "card.md"


def push_to(remote: Remote, local: Path, *, policy: Policy | None = None) -> Transfer:
    """Bring a remote up to the local registry.

    Args:
        remote: Empty, or a registry of the same log.
        local: A registry.
        policy: Whose logs count; None takes what the local registry claims.

    Raises:
        InvalidInputError: The remote is ahead.
        IntegrityError: The remote is forked, of another log, or something on either side is broken.
        NotFoundError: There is no local registry.
        RemoteError: The remote did not answer as it should.
    """
    source = Layout(local)
    if not source.checkpoint.exists():
        raise NotFoundError(f"no registry at {local}: {CHECKPOINT_PATH} is not there; name another folder")
    # (1) local
    with locked(source.log, shared=True):
        trusted = [policy] if policy else claimed_policies(source)
        log = open_copy(source, trusted)
        for _ in range(_MOST_TURNS):
            # (2) remote
            found = open_remote_log(remote, trusted)
            # (3) one log
            _require_behind(log, found.log, source=source, remote=remote)
            # (4) blobs, (5) commit
            done = send(remote, source, log, found)
            if done is not None:
                return done
            # (6) again
    raise RemoteError(
        f"{remote.address} changed {_MOST_TURNS} times while it was pushed to; wait for its writers, then "
        "run the same command again"
    )


@dataclass(frozen=True)
class Committed:
    """What a remote has committed, checked; both None where it has nothing."""

    head: Head | None = None
    log: OpenLog | None = None

    @property
    def size(self) -> int:
        """Entries."""
        return self.log.tiles.size if self.log else 0


def open_remote_log(remote: Remote, trusted: Sequence[Policy]) -> Committed:
    """The log of a remote that is to be brought up; it need not be trusted, only begin the one that comes.

    Raises:
        IntegrityError: Something in it is broken.
    """
    head = remote.head()
    if head is None:
        return Committed()
    return Committed(head, open_head(remote, head, [*trusted, claimed_at(remote, head)]))


def send(
    remote: Remote, source: Layout, log: OpenLog, found: Committed, *, policy: bytes | None = None
) -> Transfer | None:
    """Send what is missing, then commit.

    Args:
        remote: Where to.
        source: Has every blob of the log.
        log: Continues the remote's.
        found: As the remote was read.
        policy: Of the log; None for the one that the source claims.

    Returns:
        None where somebody else committed meanwhile.
    """
    needed = needed_blobs(source, log)
    there = remote.sizes(needed)
    missing = [one for one in needed.values() if there.get(one.digest) != one.size_bytes]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(lambda one: remote.put_blob(one, source.blob(one.digest)), missing):
            pass
    change = _change(source, log, found, needed=needed, policy=policy or encode_policy(read_policy(source)))
    if not remote.commit(change):
        return None
    size = sum(one.size_bytes for one in missing)
    return Transfer(log.checkpoint.origin, found.size, log.tiles.size, 0, len(missing), size)


def open_head(remote: Remote, head: Head, policies: Sequence[Policy]) -> OpenLog:
    """The log that a remote has committed, checked.

    Args:
        remote: Where it is.
        head: As it gave it.
        policies: Tried in order.

    Raises:
        IntegrityError: No policy accepts it, or something in it is broken.
    """
    try:
        return open_noted(head.checkpoint, remote.read_tile, policies, where=remote.address)
    except IntegrityError as error:
        is_placed = remote.address in str(error)
        raise IntegrityError(str(error) if is_placed else f"{remote.address}: {error}") from error


def claimed_at(remote: Remote, head: Head) -> Policy:
    """The policy that a remote claims.

    Raises:
        IntegrityError: It is none.
    """
    name = f"{remote.address}: log/policy"
    try:
        policy = parse_policy(head.policy)
    except InvalidInputError as error:
        raise IntegrityError(f"{name}: {error}; push again from a registry that is whole") from error
    if encode_policy(policy) != head.policy:
        raise IntegrityError(
            f"{name} is not in the form that a push writes: it was altered; push again from a registry that "
            "is whole"
        )
    return policy


def _require_behind(log: OpenLog, known: OpenLog | None, *, source: Layout, remote: Remote) -> None:
    ahead = entries_ahead(log, known, source=source.root, target=remote.address)
    if ahead:
        raise InvalidInputError(
            f"{remote.address} is {ahead} entries ahead of {source.root}: pull them first, then push"
        )


def _change(
    source: Layout, log: OpenLog, found: Committed, *, needed: Mapping[str, Content], policy: bytes
) -> Change:
    tiles = found.log.tiles if found.log else empty_log()
    appended = tiles.append(log.raw[found.size :])
    if appended.root != log.checkpoint.root:
        raise IntegrityError(
            f"the entries of {source.root} do not give the root of its checkpoint on top of the remote's; "
            "run `smallcraft verify`"
        )
    return Change(
        base=found.head,
        checkpoint=found.head.checkpoint if found.head and found.size == log.tiles.size else log.note,
        policy=policy,
        size=log.tiles.size,
        tiles=appended.files,
        named=tuple(name for entry in live_puts(log) for name in named_of(source, entry)),
        blobs=tuple(needed.values()),
        read=lambda content: read_blob(source, content, use="what a release needs"),
        readme=_card(source, log),
    )


def _card(source: Layout, log: OpenLog) -> bytes | None:
    """The card of the newest release in use, with the log's checkpoint as every printed card has it."""
    for entry in reversed(live_puts(log)):
        stored = read_stored(source, entry)
        if CARD in stored.locations:
            return with_checkpoint(stored.read(CARD).decode("utf-8"), log.note.decode()).encode("utf-8")
    return None
