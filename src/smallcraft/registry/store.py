"""The front door: publishes releases, moves aliases, retires, and reads everything back.

Leaves to others: what is believed of the log (`registry.opening`), how a release is put together
(`registry.publishing`), the order of writes that makes a crash harmless (`registry.committing`), the check
of everything at once (`registry.verify`), what is thrown away when (`registry.collecting`).
Always: a change is there whole or not at all, kill -9 and full disks included; a version is never
changed; bytes handed out were hashed on the way out.
Not covered: an owner of machine and key who rewrites the whole log; pins and copies show that.
"""

from __future__ import annotations

import contextlib
import errno
import secrets
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Self

from smallcraft.canonical import canonical_json
from smallcraft.errors import NotFoundError, SmallcraftError
from smallcraft.records import Release
from smallcraft.registry.appending import alias_entry, look_entries, retire_entry
from smallcraft.registry.committing import sweep
from smallcraft.registry.content.disk import Layout, locked, make_folders, read_blob
from smallcraft.registry.content.staging import Staging
from smallcraft.registry.creating import (
    commit_empty,
    refuse_foreign_folder,
    refuse_full_disk,
    refuse_lost_checkpoint,
    refuse_old_format,
)
from smallcraft.registry.drafting import Papers, no_papers
from smallcraft.registry.indexing import derive
from smallcraft.registry.opening import OpenLog, Trust, keep_pin, open_log
from smallcraft.registry.publishing import Submission, publish_release, trial_entries
from smallcraft.registry.reading import Stored, read_stored
from smallcraft.registry.references import find_put
from smallcraft.registry.rotating import rotate_log_key
from smallcraft.registry.signing import check_signature
from smallcraft.registry.tlog.entry import Entry, check_name, check_origin
from smallcraft.registry.unpacking import unpack_release
from smallcraft.registry.writing import Step, Writer, content_of, require_same_looks, timestamp

_NOT_WRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS}


class Registry:
    """A folder of numbered releases under one log.

    Writers queue for a lock; readers need none, since a committed file is never changed.
    """

    def __init__(self, layout: Layout, trust: Trust) -> None:
        self._layout = layout
        self._trust = trust
        self._known: OpenLog | None = None
        self._at_end: weakref.finalize[[OpenLog, Trust], Registry] | None = None
        self._checked: set[Entry] = set()
        self.first: Callable[[Step], None] | None = None
        """Commits each change elsewhere before it is committed here; None where nobody else writes."""

    @property
    def root(self) -> Path:
        """The registry's folder."""
        return self._layout.root

    @property
    def layout(self) -> Layout:
        """Where each file lives."""
        return self._layout

    @property
    def trust(self) -> Trust:
        """Whose keys and pins count."""
        return self._trust

    @classmethod
    def create(cls, root: Path, *, origin: str | None = None, trust: Trust | None = None) -> Self:
        """Make an empty registry with a key of its own, or open the one that is there.

        Args:
            root: A folder that is absent, empty, or a registry.
            origin: The log's identity, in every entry and checkpoint; None for a new one of this machine.
            trust: The user's keys and pins; None for those of the user's configuration folder.

        Raises:
            InvalidInputError: The folder holds something else, or `origin` is malformed.
            IntegrityError: It is a registry that lost its checkpoint.
        """
        layout, trust = Layout(root), trust or Trust()
        refuse_old_format(layout)
        if not layout.checkpoint.exists():
            refuse_foreign_folder(layout)
            origin = check_origin(origin or f"smallcraft.local/{secrets.token_hex(6)}")
            make_folders(layout)
            with locked(layout.log):
                if not layout.checkpoint.exists():
                    commit_empty(layout, trust.keyring.log_signer(origin, create=True))
        return cls.open(root, trust=trust)

    @classmethod
    def open(cls, root: Path, *, trust: Trust | None = None) -> Self:
        """Open a registry; what an interrupted writer left behind is swept first.

        Args:
            root: Its folder.
            trust: The user's keys and pins; None for those of the user's configuration folder.

        Raises:
            NotFoundError: There is none.
            IntegrityError: There is one that lost its checkpoint, or whose log is broken.
        """
        layout = Layout(root)
        refuse_old_format(layout)
        if not layout.checkpoint.exists():
            refuse_lost_checkpoint(layout)
            raise NotFoundError(
                f"no registry at {root}: log/checkpoint is not there; run `smallcraft build` to make one"
            )
        registry = cls(layout, trust or Trust())
        registry._sweep_when_idle()
        return registry

    def log(self) -> OpenLog:
        """The log as it is committed now.

        Raises:
            IntegrityError: It is broken, rolled back, forked, or signed by another key.
        """
        if self._at_end is not None and self._at_end.detach() and self._known is not None:
            keep_pin(self._known, self._trust)
        return self._open()

    def publish(
        self,
        name: str,
        files: Mapping[str, Path | bytes],
        facts: Mapping[str, object],
        *,
        now: datetime,
        papers: Papers = no_papers,
        trials: Sequence[bytes] = (),
    ) -> Release:
        """Store a release and commit it as the next version of its name.

        The same files and facts published again give the release that is already there, so a
        resumed build registers once; keep what differs from run to run (times) out of `facts`.

        Args:
            name: The release's name.
            files: Path inside the release to its bytes, or to a plain file to copy.
            facts: What is known about the release; JSON can hold it.
            now: Time with a zone.
            papers: Writes what the release says of itself, once its version is known.
            trials: Documents of what was tried and not released.

        Raises:
            InvalidInputError: A name, path, source, kind of file or fact that cannot be stored.
            NotFoundError: The log's key is not on this machine.
            IntegrityError: The log is broken; nothing is added to it.
            SmallcraftError: The disk refused; nothing, or the whole release, is there.
        """
        submission = Submission(check_name(name), files, canonical_json(facts), papers, trials)
        with self.writing(now) as writer:
            refuse_full_disk(self.root, files, submission.facts)
            entry = publish_release(writer, submission)
        return read_stored(self._layout, entry).release

    def record_trials(self, name: str, documents: Sequence[bytes], *, now: datetime) -> None:
        """Log what was tried and not released; what is logged already is not logged again.

        Args:
            name: What it was tried for.
            documents: JSON, one a trial.
            now: Time with a zone.
        """
        with self.writing(now) as writer:
            entries = trial_entries(writer, check_name(name), documents)
            if entries:
                writer.commit(entries)

    def record_looks(self, name: str, lines: Sequence[bytes], *, now: datetime) -> None:
        """Log looks at the project's sealed test set, so that its ledger and this log are one chain.

        Args:
            name: What was asked about.
            lines: Every line of the ledger, oldest first; those that are logged already must be its first.
            now: Time with a zone.

        Raises:
            IntegrityError: The ledger lacks a look that is logged, or has another in its place.
        """
        with self.writing(now) as writer:
            logged = [look.manifest for look in writer.log.entries if look.kind == "look"]
            if logged != [content_of(line) for line in lines[: len(logged)]]:
                require_same_looks(self.looks(), lines)
            entries = look_entries(writer, name, lines[len(logged) :])
            if entries:
                writer.commit(entries)

    def looks(self) -> tuple[bytes, ...]:
        """The ledger's lines that were logged, oldest first.

        Raises:
            IntegrityError: A stored line is not the one that was logged.
        """
        found = []
        for number, entry in enumerate(self.log().entries, start=1):
            if entry.kind == "look" and entry.manifest:
                found.append(read_blob(self._layout, entry.manifest, use=f"the look of entry {number}"))
        return tuple(found)

    def set_alias(
        self, name: str, alias: str, version: int | None, *, now: datetime, reason: str | None = None
    ) -> None:
        """Let a word mean a version from now on.

        Args:
            name: The release's name.
            alias: `stable`, `canary`, ...
            version: None to let it mean nothing.
            now: Time with a zone.
            reason: In a sentence.

        Raises:
            NotFoundError: There is no such version, or the alias means nothing already.
            InvalidInputError: The version is retired, or a word that cannot be an alias.
        """
        with self.writing(now) as writer:
            moved = alias_entry(writer, name, alias, version, reason=reason)
            if moved is not None:
                writer.commit([moved])

    def retire(
        self, name: str, version: int, *, now: datetime, erase: bool = False, reason: str | None = None
    ) -> None:
        """Take a version out of use; its place in the log stays.

        Args:
            name: The release's name.
            version: Which.
            now: Time with a zone.
            erase: Whether its bytes go as well, with the next `collect_garbage`.
            reason: In a sentence.

        Raises:
            NotFoundError: There is no such version.
            InvalidInputError: It is retired already, or an alias means it.
        """
        with self.writing(now) as writer:
            writer.commit([retire_entry(writer, name, version, erase=erase, reason=reason)])

    def rotate_key(self, now: datetime) -> str:
        """Let a new key sign the log from now on; the old one hands over, and is kept beside it.

        Returns:
            The new verifier key.

        Raises:
            NotFoundError: The log's key is not on this machine.
        """
        with self.writing(now) as writer:
            return rotate_log_key(writer)

    def releases(self, name: str | None = None) -> tuple[Release, ...]:
        """Every release that was not erased, or those of one name, oldest first, each checked as it is read.

        Raises:
            IntegrityError: A stored byte on the way is not what was recorded.
        """
        return tuple(stored.release for stored in self.stored(name))

    def stored(self, name: str | None = None) -> tuple[Stored, ...]:
        """The same with their manifests and files."""
        log = self.log()
        puts = [entry for entry in log.entries if entry.kind == "put" and name in {None, entry.name}]
        return tuple(self._signed(log, entry) for entry in puts if not log.is_erased(entry))

    def find(self, reference: str) -> Stored:
        """One release by `name@3`, `name@stable`, `name` or `name@latest` (its newest), `3`, or `latest`.

        Raises:
            NotFoundError: There is no such release, or its bytes were erased.
            InvalidInputError: A bare number while there are several names.
            IntegrityError: A stored byte on the way is not what was recorded.
        """
        log = self.log()
        entry = find_put(reference, log.state)
        if log.is_erased(entry):
            raise NotFoundError(f"{entry.label} was retired and its bytes were erased; name another release")
        return self._signed(log, entry)

    def read(self, reference: str) -> Release:
        """As `find`, as a value for the rest of the system."""
        return self.find(reference).release

    def read_file(self, release: Release, path: str) -> bytes:
        """The bytes of a release's file; these very bytes were hashed.

        Raises:
            NotFoundError: The release has no such file.
            IntegrityError: The stored bytes are not those of the release.
        """
        return self.find(release.label).read(path)

    def materialize(self, release: Release, target: Path, *, prefix: str = "bundle/") -> Path:
        """Write a release's files below `prefix` to a new folder, verified, whole or not at all.

        A folder that already holds exactly these files is left as it is.

        Args:
            release: As read from this registry.
            target: The folder to make; the prefix is not part of the paths in it.
            prefix: Which files; an empty one means all.

        Returns:
            `target`.

        Raises:
            NotFoundError: The release has no file below the prefix.
            IntegrityError: A stored byte, or what `target` holds, is not that of the release.
        """
        return unpack_release(self.find(release.label), target, prefix=prefix)

    @contextlib.contextmanager
    def writing(self, now: datetime) -> Iterator[Writer]:
        """Hold the lock for one change; whatever it left half-way is finished or taken back at its end.

        Raises:
            SmallcraftError: The disk refused; nothing, or the whole change, is there.
        """
        layout, time = self._layout, timestamp(now)
        try:
            make_folders(layout)
            with locked(layout.log):
                self._sweep()
                writer = Writer(layout, self._open(), Staging(layout.tmp), self._trust, time, self.first)
                try:
                    yield writer
                    self._adopt(writer.log)
                finally:
                    self._sweep()
        except OSError as error:
            raise SmallcraftError(
                f"writing to {self.root} stopped ({error}); free space or fix the folder's permissions and "
                "run the same command again: that never registers twice"
            ) from error

    def _open(self) -> OpenLog:
        self._known = open_log(self._layout, self._trust, known=self._known)
        return self._known

    def _adopt(self, log: OpenLog) -> None:
        """What this process committed itself: its pin, two syncs more, waits for the next read or the end."""
        if log is not self._known:
            self._known = log
            if self._at_end is not None:
                self._at_end.detach()
            self._at_end = weakref.finalize(self, _pin_at_end, log, self._trust)

    def _signed(self, log: OpenLog, entry: Entry) -> Stored:
        """A release that its author signed; what was checked once stays so, by the digests in its entry."""
        stored = read_stored(self._layout, entry)
        if entry not in self._checked:
            check_signature(log, stored)
            self._checked.add(entry)
        return stored

    def _sweep(self) -> None:
        sweep(
            self._layout,
            committed=lambda: self._open().checkpoint.size,
            finish=lambda: derive(self._layout, self._open()),
        )

    def _sweep_when_idle(self) -> None:
        """Sweep, unless a writer is at work or the registry is read-only here."""
        tmp = self._layout.tmp
        if not tmp.is_dir() or not any(tmp.iterdir()):
            return
        try:
            with locked(self._layout.log, wait=False) as is_idle:
                if is_idle:
                    self._sweep()
        except OSError as error:
            if error.errno not in _NOT_WRITABLE:
                raise


def _pin_at_end(log: OpenLog, trust: Trust) -> None:
    """Nobody is there any more to hear that it did not work; whoever opens the log next is told."""
    with contextlib.suppress(SmallcraftError):
        if trust.folder.is_dir():
            keep_pin(log, trust)
