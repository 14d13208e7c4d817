"""One remote, many writers: each commits there first, on condition that nobody came before, and then at home.

A log knows no merge: two checkpoints of one size under one key are a fork, and every pin would say so. So a
writer signs what it adds, keeps that to itself, and lets it go unless the remote took it; then it reads what
the others added, and makes its change anew on top: another version number, another entry.
Leaves to others: the change itself (`registry.store`), what a conditional commit is (`remotes.remote`).
Always: what is committed at home was committed at the remote before; an entry that somebody was told of is in
the log that everybody reads.
Covered: any number of writers on remotes with conditional writes (buckets, the Hub); kill -9 between the two
commits: the entry is at the remote, and the next change begins with fetching it.
Not covered: OCI registries, which have no conditional write.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from smallcraft.errors import OvertakenError, RemoteError
from smallcraft.registry.proofs.two_logs import claimed_policies, entries_ahead
from smallcraft.registry.remotes.remote import Remote
from smallcraft.registry.sharing.fetching import pull_from
from smallcraft.registry.sharing.sending import open_remote_log, send
from smallcraft.registry.store import Registry
from smallcraft.registry.writing import Step

Made = TypeVar("Made")

_MOST_TURNS = 100


def write_through(remote: Remote, registry: Registry, change: Callable[[], Made]) -> Made:
    """Make a change of a registry at its remote first, on top of whatever others put there.

    Args:
        remote: Where all writers meet.
        registry: At home; brought up to the remote before.
        change: Changes it, by its own methods; made anew each time somebody else came first.

    Returns:
        What the change returns.

    Raises:
        IntegrityError: Home and remote are forked, or something on either side is broken.
        RemoteError: The remote did not answer as it should, or others came first without end.
    """
    before, registry.first = registry.first, _first(remote)
    try:
        for _ in range(_MOST_TURNS):
            if remote.head() is not None:
                pull_from(remote, registry.root, verify=_nothing_more, trust=registry.trust)
            try:
                return change()
            except OvertakenError:
                continue
    finally:
        registry.first = before
    raise RemoteError(
        f"{remote.address} was written to by others {_MOST_TURNS} times while a change was made; run the "
        "same command again"
    )


def _first(remote: Remote) -> Callable[[Step], None]:
    """Commits a step at the remote."""

    def commit(step: Step) -> None:
        found = open_remote_log(remote, claimed_policies(step.layout))
        place = step.layout.root
        overtaken = OvertakenError(
            f"{remote.address} was written to by somebody else while this was made; nothing was changed, run "
            "the same command again"
        )
        if entries_ahead(step.before, found.log, source=place, target=remote.address):
            raise overtaken
        if send(remote, step.layout, step.after, found, policy=step.policy) is None:
            raise overtaken

    return commit


def _nothing_more(root: object) -> None:
    """Log and blobs were checked as they came; the rest is what `verify` is for."""
