"""What entries may follow one another, and what they add up to: versions, aliases, keys.

Holds the rules over parsed entries only: no bytes, no files, no signatures but those of `key` entries.
Always: versions of a name count 1, 2, 3, ... and each names the manifest before it; the order is the
log's, whatever clocks said.
Covered: skipped, doubled, replayed versions; aliases of what does not exist; keys nobody handed over.
Not covered: whether the first log key deserves trust (`keys.policy`, `keys.pins`).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.tlog.entry import Entry, Kind, unsigned_bytes
from smallcraft.registry.tlog.note import ED25519, parse_verifier


@dataclass(frozen=True)
class Numbered:
    """An entry and its place in the log, from 1."""

    number: int
    entry: Entry


@dataclass(frozen=True)
class ClockNote:
    """An entry that says it is older than one before it: a clock was set back, or one ran ahead.

    Attributes:
        number: Of the entry, from 1.
        time: What it says.
        before: The latest time said before it.
    """

    number: int
    time: str
    before: str

    def __str__(self) -> str:
        """For people."""
        return (
            f"entry {self.number} says {self.time}, an entry before it says {self.before}: a clock was set "
            "back or ran ahead; the log's order stands"
        )


@dataclass(frozen=True)
class State:
    """What a log's entries add up to.

    Attributes:
        origin: Of the log; None while it is empty.
        size: Entries.
        versions: Puts of each name; version n stands at place n - 1.
        moves: Alias entries of each name and alias, oldest first.
        retired: The newest retire entry of each name and version.
        authors: Public keys (base64 SubjectPublicKeyInfo) by fingerprint, with the entry that named them.
        log_keys: Verifier keys of the log, in the order they took over; the last one is in force.
        times: What each entry says of its time.
    """

    origin: str | None = None
    size: int = 0
    versions: Mapping[str, tuple[Numbered, ...]] = field(default_factory=dict)
    moves: Mapping[tuple[str, str], tuple[Numbered, ...]] = field(default_factory=dict)
    retired: Mapping[tuple[str, int], Numbered] = field(default_factory=dict)
    authors: Mapping[str, Numbered] = field(default_factory=dict)
    log_keys: tuple[str, ...] = ()
    times: tuple[str, ...] = ()

    def put(self, name: str, version: int) -> Numbered | None:
        """The entry that made this version, or None."""
        known = self.versions.get(name, ())
        return known[version - 1] if 1 <= version <= len(known) else None

    def aliases(self, name: str, *, size: int | None = None) -> Mapping[str, int]:
        """What each alias of a name means, now or at a size of the log."""
        meant = {
            alias: self.alias(name, alias, size=size) for owner, alias in sorted(self.moves) if owner == name
        }
        return {alias: version for alias, version in meant.items() if version is not None}

    def alias(self, name: str, alias: str, *, size: int | None = None) -> int | None:
        """The version that an alias means, now or when the log had `size` entries; None: nothing."""
        end = self.size if size is None else size
        said = [move for move in self.moves.get((name, alias), ()) if move.number <= end]
        return said[-1].entry.version if said else None

    def size_at(self, time: str) -> int:
        """Entries up to the last one that says a time up to this one.

        The order is the log's: an entry before that one was there too, even if its clock ran ahead.

        Args:
            time: RFC 3339 in UTC to the second; such texts sort as their times do.
        """
        return max((number for number, said in enumerate(self.times, start=1) if said <= time), default=0)

    def is_retired(self, name: str, version: int) -> bool:
        """Whether this version was taken out of use."""
        return (name, version) in self.retired


def state_of(entries: Sequence[Entry]) -> State:
    """Everything that the entries say, checked against the rules of order.

    Raises:
        IntegrityError: Names the first entry that breaks a rule.
    """
    state = _Growing()
    for number, entry in enumerate(entries, start=1):
        if entry.origin != entries[0].origin:
            raise _out_of_order(number, f"of log '{entries[0].origin}'", f"one of log '{entry.origin}'")
        if entry.by is not None and entry.by not in state.authors and entry.kind != "key":
            raise _out_of_order(number, "by an author whose key stands before it", f"one by {entry.by}")
        follow = _RULES.get(entry.kind)
        if follow is not None:
            follow(state, Numbered(number, entry))
    return State(
        origin=entries[0].origin if entries else None,
        size=len(entries),
        versions={name: tuple(puts) for name, puts in state.versions.items()},
        moves={owner: tuple(said) for owner, said in state.moves.items()},
        retired=state.retired,
        authors=state.authors,
        log_keys=tuple(state.log_keys),
        times=tuple(entry.time for entry in entries),
    )


def check_order(entries: Sequence[Entry]) -> None:
    """The entries follow one another by the rules.

    Raises:
        IntegrityError: Names the first entry that does not.
    """
    state_of(entries)


def clock_notes(entries: Sequence[Entry]) -> tuple[ClockNote, ...]:
    """Entries whose time runs backwards: worth a note, not an error."""
    notes, latest = [], ""
    for number, entry in enumerate(entries, start=1):
        if entry.time < latest:
            notes.append(ClockNote(number, entry.time, latest))
        latest = max(latest, entry.time)
    return tuple(notes)


def fingerprint_of(key: str) -> str:
    """`sha256:<hex>` of an author's key as a `key` entry holds it: base64 SubjectPublicKeyInfo.

    Raises:
        InvalidInputError: It is not base64.
    """
    try:
        return digest_bytes(base64.b64decode(key, validate=True))
    except (ValueError, binascii.Error) as error:
        raise InvalidInputError(
            f"an author's key must be base64 SubjectPublicKeyInfo, got {key!r}; take it from the keyring"
        ) from error


@dataclass
class _Growing:
    """A state while entries are read."""

    versions: dict[str, list[Numbered]] = field(default_factory=dict)
    moves: dict[tuple[str, str], list[Numbered]] = field(default_factory=dict)
    retired: dict[tuple[str, int], Numbered] = field(default_factory=dict)
    authors: dict[str, Numbered] = field(default_factory=dict)
    log_keys: list[str] = field(default_factory=list)

    def put(self, at: Numbered) -> None:
        name, entry = at.entry.name or "", at.entry
        known = self.versions.setdefault(name, [])
        last = known[-1].entry.manifest if known else None
        wanted = (len(known) + 1, last.digest if last else None)
        if (entry.version, entry.prev) != wanted:
            raise _out_of_order(
                at.number,
                f"{name}@{wanted[0]} after manifest {wanted[1]}",
                f"{entry.label} after {entry.prev}",
            )
        known.append(at)

    def move(self, at: Numbered) -> None:
        name, alias, version = at.entry.name or "", at.entry.alias or "", at.entry.version
        before = self.moves.setdefault((name, alias), [])
        if version is not None:
            self._check_version(at, name, version)
            if (name, version) in self.retired:
                raise _out_of_order(at.number, "a version in use", f"{name}@{version}, which is retired")
        elif not before or before[-1].entry.version is None:
            raise _out_of_order(
                at.number, "an alias that means something", f"{name}@{alias}, which is not set"
            )
        before.append(at)

    def retire(self, at: Numbered) -> None:
        name, version = at.entry.name or "", at.entry.version or 0
        self._check_version(at, name, version)
        before = self.retired.get((name, version))
        if before is not None and (before.entry.erased or not at.entry.erased):
            raise _out_of_order(at.number, "a version in use", f"{name}@{version}, which is retired already")
        self.retired[name, version] = at

    def key(self, at: Numbered) -> None:
        if at.entry.role == "author":
            self._author(at)
        else:
            self._log_key(at)

    def _author(self, at: Numbered) -> None:
        fingerprint = _fingerprint(at)
        if fingerprint in self.authors:
            raise _out_of_order(at.number, "a new author key", f"{fingerprint} again")
        if at.entry.by is not None and at.entry.by not in {fingerprint, *self.authors}:
            raise _out_of_order(at.number, "a key by itself or by an author before it", f"by {at.entry.by}")
        self.authors[fingerprint] = at

    def _log_key(self, at: Numbered) -> None:
        vkey = at.entry.key or ""
        try:
            verifier = parse_verifier(vkey)
        except InvalidInputError as error:
            raise _out_of_order(at.number, "the verifier key of a log", str(error)) from error
        if verifier.name != at.entry.origin or verifier.kind != ED25519 or vkey in self.log_keys:
            raise _out_of_order(at.number, f"a new key under the name '{at.entry.origin}'", vkey)
        if self.log_keys and not _is_handed_over(at.entry, self.log_keys[-1]):
            raise _out_of_order(
                at.number,
                f"a key that {self.log_keys[-1]} handed over by its signature",
                "one it did not sign",
            )
        self.log_keys.append(vkey)

    def _check_version(self, at: Numbered, name: str, version: int) -> None:
        count = len(self.versions.get(name, ()))
        if version > count:
            raise _out_of_order(
                at.number,
                f"about a version of {name} from 1 to {count}",
                f"{name}@{version}, which is not there",
            )


def _fingerprint(at: Numbered) -> str:
    try:
        return fingerprint_of(at.entry.key or "")
    except InvalidInputError as error:
        raise _out_of_order(at.number, "the public key of an author", str(error)) from error


def _is_handed_over(entry: Entry, vkey: str) -> bool:
    signature = base64.b64decode(entry.signature or "")
    return parse_verifier(vkey).is_signed(unsigned_bytes(entry), signature)


_RULES: Mapping[Kind, Callable[[_Growing, Numbered], None]] = {
    "put": _Growing.put,
    "alias": _Growing.move,
    "retire": _Growing.retire,
    "key": _Growing.key,
}


def _out_of_order(number: int, wanted: str, got: str) -> IntegrityError:
    return IntegrityError(f"entry {number} must be {wanted}, got {got}; restore the log from a copy")
