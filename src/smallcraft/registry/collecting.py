"""Throws away what nothing needs any more: to the trash first, for good when its grace is over.

Leaves to others: who needs what (`registry.reaching`), the trash (`registry.trash`), which releases are
erased (`Registry.retire`).
Always: the log says what goes before it goes, so a run that is cut short is finished by the next; what a
live release, a decision, a look or a recipe of another release needs stays, and so does what is leased.
Covered: blobs of erased releases, leftovers of other tools. Undo: `trash.restore_from_trash`.
Not covered: copies elsewhere, and what a file system keeps of deleted files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.content.disk import Layout, hash_file
from smallcraft.registry.reaching import (
    BLOB_NAME,
    ErasedRelease,
    RemovedBlob,
    Users,
    erased_releases,
    removed_blobs,
    users_of,
)
from smallcraft.registry.state import State
from smallcraft.registry.store import Registry
from smallcraft.registry.tlog.entry import Content, Entry
from smallcraft.registry.trash import purge, purge_unneeded, put_aside
from smallcraft.registry.verify.expecting import encode_removed
from smallcraft.registry.writing import Writer

GRACE = timedelta(days=14)


@dataclass(frozen=True)
class Removed:
    """A blob that went, and why nothing needs it."""

    content: Content
    why: str


@dataclass(frozen=True)
class Kept:
    """A blob of an erased release that stays.

    Attributes:
        content: Which.
        of: The erased release.
        by: Who needs it.
    """

    content: Content
    of: str
    by: str


@dataclass(frozen=True)
class Collected:
    """What a collection did.

    Attributes:
        removed: Blobs that went to the trash, or for good where `purge_erased` was asked for.
        kept: Blobs of erased releases that somebody else needs.
        purged: What was deleted for good from trash and quarantine.
        left: Files among the blobs that are none; `verify` names them, a person looks at them.
        entry: Number of the entry that says what went; None where nothing new did.
    """

    removed: tuple[Removed, ...]
    kept: tuple[Kept, ...]
    purged: tuple[Content, ...]
    left: tuple[str, ...]
    entry: int | None

    @property
    def removed_bytes(self) -> int:
        """How much is not a part of the registry any more."""
        return sum(removed.content.size_bytes for removed in self.removed)


@dataclass(frozen=True)
class _Going:
    """A blob to remove; a gc entry before entry `since` does not speak of it."""

    removed: Removed
    since: int


@dataclass(frozen=True)
class _Plan:
    going: tuple[_Going, ...]
    kept: tuple[Kept, ...]
    left: tuple[str, ...]
    recorded: Mapping[str, RemovedBlob]
    users: Users

    @property
    def unrecorded(self) -> list[Content]:
        """What the log does not say of yet that it went."""
        return [going.removed.content for going in self.going if not self._is_recorded(going)]

    @property
    def unneeded(self) -> set[str]:
        """Digests that went, now or before, and that nothing needs."""
        gone = {*self.recorded, *(going.removed.content.digest for going in self.going)}
        return gone - self.users.keys()

    def _is_recorded(self, going: _Going) -> bool:
        said = self.recorded.get(going.removed.content.digest)
        return said is not None and said.number >= going.since


def collect_garbage(
    registry: Registry, *, now: datetime, grace: timedelta = GRACE, purge_erased: bool = False
) -> Collected:
    """Remove what nothing needs.

    Steps: (1) mark what is needed; (2) one entry that says what goes: the commit; (3) move it to
    `trash/<day>/`; (4) delete what lies in the trash for longer than the grace.

    Args:
        registry: Whose blobs.
        now: Time with a zone.
        grace: How long the trash is kept; a day's trash counts from the end of that day. Zero empties it.
        purge_erased: Delete at once, and in trash and quarantine too, what went by an entry; for the
            erasure of personal data, which no grace may hold up.

    Raises:
        IntegrityError: A live release cannot be read, so what it needs is unknown; nothing was changed.
        InvalidInputError: `now` has no zone, or the grace is negative.
        SmallcraftError: The disk refused; run it again.
    """
    if grace < timedelta(0):
        raise InvalidInputError(f"the grace must not be negative, got {grace}; write timedelta(0) for none")
    with registry.writing(now) as writer:
        layout = writer.layout
        # (1) mark
        leased = State(layout.database).leased(now=now)
        plan = _plan(layout, writer, leased)
        # (2) say what goes
        entry = _commit_removed(writer, plan.unrecorded) if plan.unrecorded else None
        # (3) move it
        going = [going.removed.content for going in plan.going]
        put_aside(layout, going, day=None if purge_erased else now.astimezone(UTC).date())
        # (4) what is over
        purged = purge(layout, now=now, grace=grace)
        if purge_erased:
            purged += purge_unneeded(layout, plan.unneeded)
    return Collected(
        removed=tuple(going.removed for going in plan.going),
        kept=plan.kept,
        purged=tuple(purged),
        left=plan.left,
        entry=entry,
    )


def _plan(layout: Layout, writer: Writer, leased: frozenset[str]) -> _Plan:
    users = users_of(layout, writer.log, is_strict=True)
    erased = erased_releases(layout, writer.log)
    for release in erased:
        if release.entry.label in leased:
            for content in release.contents:
                users.setdefault(content.digest, []).append(f"a reader of {release.entry.label}")
    going: dict[str, _Going] = {}
    kept: dict[str, Kept] = {}
    for release, content in _present(layout, erased):
        if content.digest in users:
            kept.setdefault(content.digest, Kept(content, release.entry.label, users[content.digest][0]))
        else:
            removed = Removed(content, f"of {release.entry.label}, which was erased")
            # The newest of several erased releases stands last.
            going[content.digest] = _Going(removed, release.retired)
    recorded, left = removed_blobs(layout, writer.log), []
    for path in sorted(layout.blobs.iterdir()):
        digest = f"sha256:{path.name}"
        if digest in users or digest in going:
            continue
        leftover = _content_of(layout, path)
        if leftover is None:
            left.append(layout.name_of(path))
        else:
            why = "of an erased release" if digest in recorded else "nothing names it"
            going[digest] = _Going(Removed(leftover, why), since=1)
    return _Plan(tuple(going.values()), tuple(kept.values()), tuple(left), recorded, users)


def _present(layout: Layout, erased: list[ErasedRelease]) -> Iterator[tuple[ErasedRelease, Content]]:
    """Blobs of erased releases that are still there."""
    for release in erased:
        for content in release.contents:
            path = layout.blob(content.digest)
            if path.is_file() and not path.is_symlink():
                yield release, content


def _content_of(layout: Layout, path: Path) -> Content | None:
    """What a file among the blobs is, None unless it is what its name says."""
    if not BLOB_NAME.fullmatch(path.name):
        return None
    try:
        content = hash_file(path, name=layout.name_of(path))
    except IntegrityError:
        return None
    return content if content.digest == f"sha256:{path.name}" else None


def _commit_removed(writer: Writer, contents: list[Content]) -> int:
    document = writer.staging.add(encode_removed(contents))
    said = Entry(writer.origin, "gc", writer.time, manifest=document, by=writer.author.fingerprint)
    return writer.commit([said])[-1]
