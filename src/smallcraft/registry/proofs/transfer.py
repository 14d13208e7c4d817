"""Push and pull between two registries in folders: what is missing is copied, history is never rewritten.

Steps of both: (1) lock both; (2) open both logs under a policy; (3) the target's log must begin the source's;
(4) blobs, tiles, the checkpoint, what is derived.
Leaves to others: how the fourth is done (`proofs.arriving`), remotes that are no folders
(`registry.remotes`), the check of everything afterwards (`verify`).
Always: the target has the old state or the new one, whole; its checkpoint is replaced only by one that
continues it; a copy that was interrupted goes on where it was.
Covered: a remote that is ahead, forked, or of another log; blobs, entries, tiles and checkpoints changed on
either side; kill -9 at any point; two at the same time.
Not covered: blobs that the source erased and the target still has (`smallcraft gc` there), a rollback of both
(pins show that), file systems without flock.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from smallcraft.errors import InvalidInputError, NotFoundError, SmallcraftError
from smallcraft.registry.content.disk import CHECKPOINT_PATH, Layout, locked
from smallcraft.registry.keys.policy import Policy, encode_policy
from smallcraft.registry.opening import OpenLog, read_policy
from smallcraft.registry.proofs.arriving import Transfer, bring_up, open_target, prepare
from smallcraft.registry.proofs.incoming import Incoming
from smallcraft.registry.proofs.needed import needed_blobs
from smallcraft.registry.proofs.two_logs import claimed_policies, entries_ahead, open_copy
from smallcraft.registry.tlog.entry import Content


@dataclass(frozen=True)
class FolderSource:
    """A registry in a folder, locked for reading."""

    layout: Layout

    @property
    def where(self) -> str:
        """Its folder."""
        return str(self.layout.root)

    @property
    def policy(self) -> bytes:
        """As it claims it."""
        return encode_policy(read_policy(self.layout))

    @property
    def at_once(self) -> int:
        """A disk is read best in order."""
        return 1

    def needed(self, log: OpenLog, incoming: Incoming) -> Mapping[str, Content]:  # noqa: ARG002
        """Read where it lies."""
        return needed_blobs(self.layout, log)

    def fetch(self, content: Content, incoming: Incoming) -> None:
        """Copy one blob."""
        incoming.fetch(self.layout, content)


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
        prepare(target)
        # (1) lock both
        with _both_locked(source, target):
            # (2) open both
            claimed = claimed_policies(target, source)
            known = open_target(target, [*([policy] if policy else []), *claimed])
            log = open_copy(source, [policy] if policy else claimed)
            # (3) one log
            ahead = entries_ahead(log, known, source=source.root, target=target.root)
            if ahead and not may_be_ahead:
                raise InvalidInputError(
                    f"{target.root} is {ahead} entries ahead of {source.root}: pull them first, then push"
                )
            if ahead:
                size = log.tiles.size + ahead
                return Transfer(log.checkpoint.origin, size, size, ahead=ahead)
            # (4) the rest
            return bring_up(target, FolderSource(source), log, known)
    except OSError as error:
        raise SmallcraftError(
            f"copying from {source.root} to {target.root} stopped ({error}); free space or fix the "
            "permissions, then run the same command again: it goes on where it was"
        ) from error


@contextlib.contextmanager
def _both_locked(source: Layout, target: Layout) -> Iterator[None]:
    """In the order of their paths, so that a push and a pull between the two cannot wait for each other."""
    with contextlib.ExitStack() as stack:
        for layout in sorted((source, target), key=lambda layout: layout.root.resolve()):
            stack.enter_context(locked(layout.log, shared=layout is source))
        yield
