"""Pull from a remote that is no folder: the same steps as between folders, after the user's pins were asked.

Leaves to others: what arrives and how (`proofs.arriving`), the check of everything afterwards (`verify`).
Always: nothing is taken over from a remote whose log was rolled back, forked, or signed by another key since
it was last seen here; a blob is hashed while it comes, and some come at the same time.
Covered: every byte that a remote altered, cut short, swapped or lost; kill -9 at any point.
Not covered: what happened before the first pin (bring a policy, or a checkpoint kept elsewhere).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError, SmallcraftError
from smallcraft.registry.content.disk import Layout, locked
from smallcraft.registry.keys.policy import Policy, TrustedLog, encode_policy, parse_policy
from smallcraft.registry.manifests.manifest import LARGEST_BYTES
from smallcraft.registry.opening import OpenLog, Trust, compare_with_pin
from smallcraft.registry.proofs.arriving import Tell, Transfer, bring_up, open_target, prepare, tell_nobody
from smallcraft.registry.proofs.incoming import Incoming
from smallcraft.registry.proofs.needed import needed_blobs
from smallcraft.registry.proofs.two_logs import claimed_policies, entries_ahead
from smallcraft.registry.remotes.remote import Remote
from smallcraft.registry.sharing.sending import claimed_at, open_head
from smallcraft.registry.tlog.entry import Content
from smallcraft.registry.tlog.note import parse_verifier

_AT_ONCE = 8


@dataclass(frozen=True)
class ArrivingLayout(Layout):
    """A registry whose blobs are there, or come when they are asked for.

    Attributes:
        fetch: Brings one that is not there, by its digest, and says where it waits.
    """

    fetch: Callable[[str], Path]

    def blob(self, digest: str) -> Path:
        """The file that holds the bytes with that digest."""
        path = super().blob(digest)
        return path if path.exists() else self.fetch(digest)


@dataclass(frozen=True)
class RemoteSource:
    """A registry at a remote.

    Attributes:
        remote: Where it is.
        policy: That its log claims.
        target: The folder that it comes to.
    """

    remote: Remote
    policy: bytes
    target: Layout

    @property
    def where(self) -> str:
        """Its address."""
        return self.remote.address

    @property
    def at_once(self) -> int:
        """Enough that a far remote is not waited for blob by blob."""
        return _AT_ONCE

    def needed(self, log: OpenLog, incoming: Incoming) -> Mapping[str, Content]:
        """Manifests, and what else tells it, are fetched first."""

        def fetch(digest: str) -> Path:
            if digest not in incoming.paths:
                size = self.remote.sizes([digest]).get(digest, 0)
                if size > LARGEST_BYTES:
                    raise IntegrityError(
                        f"{self._name(digest)} has {size} bytes, a manifest has at most {LARGEST_BYTES}; do "
                        "not use it, restore it from a copy there"
                    )
                self.fetch(Content(digest, size), incoming)
            return incoming.paths[digest]

        return needed_blobs(ArrivingLayout(self.target.root, fetch), log)

    def fetch(self, content: Content, incoming: Incoming) -> None:
        """Take in one blob."""
        name = self._name(content.digest)
        try:
            incoming.receive(self.remote.blocks(content), content, name=name)
        except FileNotFoundError as error:
            raise IntegrityError(
                f"{name} is missing, but a release needs it; push again from a registry that has it"
            ) from error

    def _name(self, digest: str) -> str:
        return f"{self.remote.address}: blobs/sha256/{digest.removeprefix('sha256:')}"


def pull_from(
    remote: Remote,
    local: Path,
    *,
    verify: Callable[[Path], object],
    policy: Policy | None = None,
    trust: Trust | None = None,
    tell: Tell = tell_nobody,
) -> Transfer:
    """Bring the local registry up to a remote, then verify it.

    Args:
        remote: A registry.
        local: A folder that is absent, empty, or a registry of the same log.
        verify: The check of a whole registry; raises where something is broken.
        policy: Whose logs count; None takes what the local registry claims, without one what the remote does.
        trust: Whose pins count; None for those of the user's configuration folder.
        tell: Told of the bytes that came, and of how many there will be, blob by blob.

    Raises:
        InvalidInputError: The folder holds something else.
        IntegrityError: The remote was rolled back, is forked or of another log, or something is broken.
        NotFoundError: There is no registry at the remote.
        RemoteError: The remote did not answer as it should.
    """
    target = Layout(local)
    with _told_when_stopped(remote, target):
        done = _arrive(remote, target, [policy] if policy else [], trust or Trust(), tell)
    verify(local)
    return done


def _arrive(remote: Remote, target: Layout, trusted: list[Policy], trust: Trust, tell: Tell) -> Transfer:
    head = remote.head()
    if head is None:
        raise NotFoundError(
            f"no registry at {remote.address}: nothing was pushed there yet; name another remote, or push"
        )
    prepare(target)
    with locked(target.log):
        known = open_target(target, [*trusted, *claimed_policies(target)])
        log = open_head(remote, head, trusted or [*claimed_policies(target), claimed_at(remote, head)])
        ahead = entries_ahead(log, known, source=remote.address, target=target.root)
        if ahead:
            return Transfer(
                log.checkpoint.origin, log.tiles.size + ahead, log.tiles.size + ahead, ahead=ahead
            )
        try:
            compare_with_pin(log, trust)
        except IntegrityError as error:
            raise IntegrityError(f"{remote.address}: {error}") from error
        source = RemoteSource(remote, _policy_of(log, head.policy), target)
        return bring_up(target, source, log, known, tell=tell)


def _policy_of(log: OpenLog, claimed: bytes) -> bytes:
    """The log's own keys, and the witnesses that the remote's policy asks for."""
    found = parse_policy(claimed)
    urls = {one.verifier.vkey: one.url for one in found.logs}
    return encode_policy(
        replace(found, logs=tuple(TrustedLog(parse_verifier(key), urls.get(key)) for key in log.keys))
    )


@contextmanager
def _told_when_stopped(remote: Remote, target: Layout) -> Iterator[None]:
    try:
        yield
    except (SmallcraftError, InvalidInputError):
        raise
    except OSError as error:
        raise SmallcraftError(
            f"copying from {remote.address} to {target.root} stopped ({error}); free space or fix the "
            "permissions, then run the same command again: it goes on where it was"
        ) from error
