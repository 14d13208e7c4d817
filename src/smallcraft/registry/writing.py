"""One change of the registry in the making: entries behind the log's last, blobs waiting beside it.

Leaves to others: the lock, and what a crash leaves (`registry.store`, `registry.committing`).
Always: the log's own key and the author's key stand in the log before anything they sign; the new
entries keep the rules of order, or nothing is written; a key that is not on this machine is missed before
anything is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, partial

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.committing import commit
from smallcraft.registry.content.disk import Layout
from smallcraft.registry.content.staging import Staging
from smallcraft.registry.keys.keyring import Author
from smallcraft.registry.opening import OpenLog, Trust, tile_reader
from smallcraft.registry.tlog.checkpoint import Checkpoint, sign_checkpoint
from smallcraft.registry.tlog.entry import Content, Entry, Kind, encode_entry
from smallcraft.registry.tlog.note import Signer
from smallcraft.registry.tlog.order import state_of
from smallcraft.registry.tlog.tiles import Appended, TileLog

# What index, search and policy are made of; after any other entry they stay as they are.
_DERIVED_FROM: frozenset[Kind] = frozenset({"put", "retire", "key"})


@dataclass(frozen=True)
class Step:
    """One step of the log, signed, and not committed yet.

    Attributes:
        layout: The registry; new blobs have their names already.
        before: The log as it is.
        after: As it will be.
        tiles: New ones, by path below `log/`.
        policy: That lists a new key; None where the keys stay.
    """

    layout: Layout
    before: OpenLog
    after: OpenLog
    tiles: Mapping[str, bytes]
    policy: bytes | None


@dataclass
class Writer:
    """A change while the lock is held.

    Attributes:
        layout: The registry.
        log: As it is before the change, and after `commit` as that left it.
        staging: Where new blobs wait.
        trust: Whose keys sign.
        time: Of the new entries.
        first: Commits each step elsewhere before it is committed here; None where nobody else writes.
    """

    layout: Layout
    log: OpenLog
    staging: Staging
    trust: Trust
    time: str
    first: Callable[[Step], None] | None = None

    @property
    def origin(self) -> str:
        """The log's identity."""
        return self.log.checkpoint.origin

    @cached_property
    def author(self) -> Author:
        """Who writes; the key is made when there is none."""
        return self.trust.keyring.author(create=True)

    @cached_property
    def signer(self) -> Signer:
        """The log's key in force.

        Raises:
            NotFoundError: It is not on this machine.
        """
        return self.trust.keyring.log_signer(self.origin, create=False, vkey=self.log.keys[-1])

    def commit(
        self, entries: Sequence[Entry], *, signer: Signer | None = None, policy: bytes | None = None
    ) -> tuple[int, ...]:
        """Make the change; once for each writer.

        Args:
            entries: In order; keys that the log does not know yet are put before them.
            signer: Signs the checkpoint; None for the key in force.
            policy: That lists this signer, where it is a new one.

        Returns:
            The entries' numbers, from 1.

        Raises:
            NotFoundError: The log's key is not on this machine.
            IntegrityError: The entries break a rule of order; nothing was written.
        """
        signer = signer or self.signer
        added = (*self._missing_keys(entries), *entries)
        raw = [encode_entry(entry) for entry in added]
        appended = self.log.tiles.append(raw)
        grown = self._grown(added, raw, appended, signer)
        commit(
            self.layout,
            self.staging,
            size=appended.size,
            tiles=appended.files,
            checkpoint=grown.note,
            is_deriving=any(entry.kind in _DERIVED_FROM for entry in added),
            policy=policy,
            first=self._elsewhere(Step(self.layout, self.log, grown, appended.files, policy)),
        )
        self.log = grown
        return tuple(range(appended.size - len(entries) + 1, appended.size + 1))

    def _elsewhere(self, step: Step) -> Callable[[], None] | None:
        return None if self.first is None else partial(self.first, step)

    def _grown(
        self, added: Sequence[Entry], raw: Sequence[bytes], appended: Appended, signer: Signer
    ) -> OpenLog:
        """The log with the new entries; they keep the rules of order."""
        entries = (*self.log.entries, *added)
        checkpoint = Checkpoint(self.origin, appended.size, appended.root)
        return replace(
            self.log,
            checkpoint=checkpoint,
            note=sign_checkpoint(checkpoint, signer),
            signer=signer.vkey,
            raw=(*self.log.raw, *raw),
            entries=entries,
            state=state_of(entries),
            tiles=TileLog(tile_reader(self.layout), appended.size),
        )

    def _missing_keys(self, entries: Sequence[Entry]) -> list[Entry]:
        missing = []
        if not self.log.state.log_keys:
            missing.append(Entry(self.origin, "key", self.time, role="log", key=self.log.signer))
        if any(entry.by for entry in entries) and self.author.fingerprint not in self.log.state.authors:
            missing.append(Entry(self.origin, "key", self.time, role="author", key=self.author.public_text))
        return missing


def content_of(data: bytes) -> Content:
    """What bytes are named by."""
    return Content(digest_bytes(data), len(data))


def timestamp(now: datetime) -> str:
    """The time as entries hold it.

    Raises:
        InvalidInputError: It has no zone.
    """
    if now.tzinfo is None:
        raise InvalidInputError(f"now must carry a time zone, got {now.isoformat()}; write datetime.now(UTC)")
    return now.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def require_same_looks(logged: Sequence[bytes], ledger: Sequence[bytes]) -> None:
    """The ledger begins with every look that was logged.

    Raises:
        IntegrityError: It lacks one, or has another in its place.
    """
    for number, line in enumerate(logged, start=1):
        if number > len(ledger):
            raise IntegrityError(
                f"the log holds {len(logged)} looks at the sealed test set, the ledger {len(ledger)}: looks "
                "were deleted, or an older ledger was put back; `smallcraft registry restore-ledger` writes "
                "it anew from the log"
            )
        if ledger[number - 1] != line:
            raise IntegrityError(
                f"line {number} of the ledger is not the look that was logged: it was rewritten; "
                "`smallcraft registry restore-ledger` writes the ledger anew from the log"
            )
