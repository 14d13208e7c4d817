"""The ledger's file: one canonical JSON entry a line, each bound to the one before by its digest.

Beside `<name>` stand `<name>.head` (place and digest of the last committed entry) and `<name>.lock`.
Always: an entry is on the disk before its head is, and both before `append_entry` returns; so a line that is
cut short and not covered by the head was never answered.
Covered: edited, dropped, swapped, inserted and repeated entries; a removed ledger or head.
Not covered: an owner who rebuilds both, puts older copies of both back, or removes the head and all entries
but the first (a first entry without a head may be a write that was cut short, or a copy put back). Lines
kept elsewhere, as the registry's log does, show each of these.
Left to others: what may be asked and at what price (`evaluate.meter.ledger`).
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from smallcraft.canonical import canonical_json, digest_bytes, digest_value
from smallcraft.errors import IntegrityError

FORMAT = "smallcraft-ledger-1"
GENESIS = digest_bytes(FORMAT.encode("ascii"))

Answer = Mapping[str, Any]
_FIELDS = ("seq", "previous", "time", "candidate", "preregistration", "dataset", "answer", "bits")
_TERMS = "terms"


@dataclass(frozen=True)
class LedgerEntry:
    """One answer of the sealed set.

    Attributes:
        seq: 1 for the first entry.
        previous: Digest of the entry before, `GENESIS` for the first.
        time: ISO 8601.
        candidate: Digest of the bundle that was asked about.
        preregistration: Digest of metric, margin, slices and tests, fixed before the first look.
        dataset: Digest of the sealed table.
        answer: What was told.
        bits: What the answer can have revealed at most.
        digest: Of all the rest, `terms` included where there are any.
        terms: What was fixed before the first look, in the open (`evaluate.meter.terms`); may be empty.
    """

    seq: int
    previous: str
    time: str
    candidate: str
    preregistration: str
    dataset: str
    answer: Answer
    bits: float
    digest: str
    terms: Mapping[str, Any] = field(default_factory=dict)

    @property
    def facts(self) -> Mapping[str, Any]:
        """All but the digest, as it is digested; an entry without terms has no such field."""
        facts = {name: getattr(self, name) for name in _FIELDS}
        return {**facts, _TERMS: self.terms} if self.terms else facts


@dataclass
class SeenLines:
    """The whole lines that were read and checked last time, so that only what follows is checked again."""

    data: bytes = b""
    entries: tuple[LedgerEntry, ...] = ()


def read_entries(path: Path, seen: SeenLines | None = None) -> tuple[tuple[LedgerEntry, ...], bytes]:
    """Entries of the whole lines, and what stands after the last line end if it is no entry.

    Args:
        path: The ledger; an absent file has no entries.
        seen: What an earlier call checked, brought up to date; the file is still read and compared whole.

    Raises:
        IntegrityError: An entry does not fit; the message names the first broken line.
    """
    data = path.read_bytes() if path.exists() else b""
    seen = seen or SeenLines()
    is_known = data.startswith(seen.data)
    entries: list[LedgerEntry] = list(seen.entries) if is_known else []
    *lines, tail = data[len(seen.data) if is_known else 0 :].split(b"\n")
    for line in lines:
        entries.append(_read_line(line, entries, path))
    seen.data, seen.entries = data[: len(data) - len(tail)], tuple(entries)
    torn = tail
    if tail:
        try:
            entries.append(_read_line(tail, entries, path))
            torn = b""
        except IntegrityError:
            torn = tail
    _require_head(path, entries, is_torn=bool(torn))
    return tuple(entries), torn


def _read_line(line: bytes, before: list[LedgerEntry], path: Path) -> LedgerEntry:
    place = f"line {len(before) + 1} of {path.name}"
    try:
        facts = json.loads(line)
        digest = facts.pop("digest")
        matches = set(facts) - {_TERMS} == set(_FIELDS) and digest_value(facts) == digest
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"{place} is not a ledger entry; do not trust the cert scores after it"
        ) from error
    if not matches:
        raise IntegrityError(f"{place} does not match its digest; do not trust the cert scores after it")
    previous = before[-1].digest if before else GENESIS
    if facts["previous"] != previous or facts["seq"] != len(before) + 1:
        raise IntegrityError(
            f"{place} is entry {facts['seq']} and does not follow the one before it; "
            "an entry was dropped, swapped or inserted there"
        )
    return LedgerEntry(**facts, digest=digest)


def _require_head(path: Path, entries: list[LedgerEntry], *, is_torn: bool) -> None:
    """The last committed entry is there; a write that was cut short may be one entry ahead of the head."""
    head_path = _beside(path, ".head")
    if not head_path.exists():
        if len(entries) > 1 or (entries and is_torn):
            raise IntegrityError(
                f"{head_path.name} is missing beside {path.name}, which has {len(entries)} entries; it was "
                "removed, so entries may have been cut off: do not trust the cert scores"
            )
        return
    try:
        head = json.loads(head_path.read_bytes())
        seq, digest = int(head["seq"]), str(head["digest"])
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"{head_path.name} is not readable; it was changed") from error
    if seq and not path.exists():
        raise IntegrityError(
            f"{path.name} is gone and {head_path.name} says that it had {seq} entries; it was removed: "
            "put it back, or label a fresh cert set"
        )
    if len(entries) < seq or (seq and entries[seq - 1].digest != digest):
        raise IntegrityError(
            f"line {min(len(entries), seq - 1) + 1} of {path.name} is not the committed entry {seq}; "
            "entries were cut off or rewritten: do not trust the cert scores"
        )
    if len(entries) > seq + 1:
        raise IntegrityError(f"line {seq + 2} of {path.name} was never committed; entries were added by hand")


def repair_tail(path: Path, seen: SeenLines | None = None) -> tuple[LedgerEntry, ...]:
    """Remove a torn last line, finish a commit that was cut short; the caller holds the lock."""
    entries, torn = read_entries(path, seen)
    if not path.exists():
        return entries
    if torn or not _ends_with_newline(path):
        with path.open("rb+") as stream:
            if torn:
                stream.truncate(path.stat().st_size - len(torn))
            else:
                stream.seek(0, os.SEEK_END)
                stream.write(b"\n")
            _sync(stream)
    if entries and not _is_head(path, entries[-1].seq, entries[-1].digest):
        # The line may still be on its way to the disk; its head must not get there first.
        with path.open("rb+") as stream:
            _sync(stream)
        _write_head(path, entries[-1].seq, entries[-1].digest)
    return entries


def append_entry(path: Path, entry: LedgerEntry) -> None:
    """Write an entry and its head through to the disk; the caller holds the lock."""
    with path.open("ab") as stream:
        stream.write(line_of(entry) + b"\n")
        _sync(stream)
    _write_head(path, entry.seq, entry.digest)


def line_of(entry: LedgerEntry) -> bytes:
    """The entry as its line has it, without the line end."""
    return canonical_json({**entry.facts, "digest": entry.digest})


def restore(path: Path, lines: Sequence[bytes]) -> tuple[LedgerEntry, ...]:
    """Write a ledger anew from lines that were kept elsewhere; the caller holds the lock.

    Raises:
        IntegrityError: A line does not follow from the one before it; nothing was written.
    """
    entries: list[LedgerEntry] = []
    for line in lines:
        entries.append(_read_line(line, entries, path))
    fresh = _beside(path, ".new")
    with fresh.open("wb") as stream:
        stream.writelines(line + b"\n" for line in lines)
        _sync(stream)
    if entries:
        _write_head(path, entries[-1].seq, entries[-1].digest)
    fresh.replace(path)
    return tuple(entries)


def _sync(stream: IO[bytes]) -> None:
    stream.flush()
    os.fsync(stream.fileno())


def _head_content(seq: int, digest: str) -> bytes:
    return canonical_json({"seq": seq, "digest": digest})


def _is_head(path: Path, seq: int, digest: str) -> bool:
    head_path = _beside(path, ".head")
    return head_path.exists() and head_path.read_bytes() == _head_content(seq, digest)


def _write_head(path: Path, seq: int, digest: str) -> None:
    fresh = _beside(path, ".head.new")
    with fresh.open("wb") as stream:
        stream.write(_head_content(seq, digest))
        _sync(stream)
    fresh.replace(_beside(path, ".head"))
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(size - 1, 0))
        return size == 0 or stream.read(1) == b"\n"


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the ledger for one process at a time."""
    with _beside(path, ".lock").open("ab") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(stream, fcntl.LOCK_UN)
