"""Append-only log of releases: hash-chained entries under one checkpoint.

Holds the rules only: bytes in, bytes out; files and locks belong to `registry.disk` and
`registry.store`, clocks to the caller.
Always: an entry, once appended, never changes; versions of one name count 1, 2, 3, ... without a
gap; equal logs have equal checkpoints.
Covered: edited, dropped, reordered, added entries; a version moved to another number.
Not covered: an owner who rebuilds every entry and the checkpoint, or puts back a whole older copy.
Both agree with themselves; only a checkpoint kept elsewhere tells them apart.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from smallcraft.canonical import canonical_json, digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.checkpoint import (
    NO_HEAD,
    Checkpoint,
    checkpoint_error,
    checkpoint_of,
    merkle_root,
)

DEFAULT_ORIGIN = "smallcraft.local/registry"

_FORMAT = 1
_REQUIRED_KEYS = frozenset(
    ("v", "origin", "kind", "name", "version", "manifest", "prev_manifest", "prev_entry", "created")
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[._-][A-Za-z0-9]+)*")
_NAME_LIMIT = 100
_ORIGIN = re.compile(r"[!-~]{1,200}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Entry:
    """One line of the log: version `version` of `name` is the manifest with that digest."""

    origin: str
    name: str
    version: int
    manifest_digest: str
    manifest_size: int
    prev_manifest: str | None
    prev_entry: str | None
    created: str
    by: str | None = None
    kind: str = "put"

    @property
    def label(self) -> str:
        """How people name it: `helpdesk@3`."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True)
class Log:
    """Checked entries, as stored and as read, under the checkpoint that covers them."""

    checkpoint: Checkpoint
    raw: tuple[bytes, ...]
    entries: tuple[Entry, ...]


def entry_path(number: int) -> str:
    """Where entry `number` (from 1) lies below the registry's root.

    >>> entry_path(3)
    'log/entries/00000003.json'
    """
    return f"log/entries/{number:08d}.json"


def check_name(name: str) -> str:
    """The name, when it can stand before `@` in a reference and in an OCI reference.

    Raises:
        InvalidInputError: It cannot.
    """
    if not _NAME.fullmatch(name) or len(name) > _NAME_LIMIT or name == "latest":
        raise InvalidInputError(
            f"a release name must be letters and digits joined by single '.', '_' or '-', begin "
            f"with a letter, hold at most {_NAME_LIMIT} characters and not be 'latest', "
            f"got {name!r}; write for example 'helpdesk-intents'"
        )
    return name


def empty_log(origin: str = DEFAULT_ORIGIN) -> Log:
    """The log of a registry that holds nothing yet.

    Raises:
        InvalidInputError: `origin` is not 1 to 200 visible ASCII characters.
    """
    if not _ORIGIN.fullmatch(origin):
        raise InvalidInputError(
            f"a log's origin must be 1 to 200 visible ASCII characters, got {origin!r}; "
            f"write for example '{DEFAULT_ORIGIN}'"
        )
    return Log(checkpoint_of(origin, ()), (), ())


def append_entry(log: Log, name: str, *, manifest: bytes, created: str, by: str | None = None) -> Log:
    """The log with one more entry: the next version of `name`.

    Args:
        log: What there is.
        name: The release's name.
        manifest: The manifest's stored bytes.
        created: RFC 3339 time in UTC.
        by: Role or key that publishes; never a person's data, entries cannot be erased.
    """
    earlier = [entry for entry in log.entries if entry.name == name]
    entry = Entry(
        origin=log.checkpoint.origin,
        name=check_name(name),
        version=len(earlier) + 1,
        manifest_digest=digest_bytes(manifest),
        manifest_size=len(manifest),
        prev_manifest=earlier[-1].manifest_digest if earlier else None,
        prev_entry=log.checkpoint.head,
        created=created,
        by=by,
    )
    raw = (*log.raw, encode_entry(entry))
    return Log(checkpoint_of(entry.origin, raw), raw, (*log.entries, entry))


def encode_entry(entry: Entry) -> bytes:
    """The entry's one byte string: canonical JSON (RFC 8785)."""
    value: dict[str, object] = {
        "v": _FORMAT,
        "origin": entry.origin,
        "kind": entry.kind,
        "name": entry.name,
        "version": entry.version,
        "manifest": {"digest": entry.manifest_digest, "size": entry.manifest_size},
        "prev_manifest": entry.prev_manifest,
        "prev_entry": entry.prev_entry,
        "created": entry.created,
    }
    if entry.by is not None:
        value["by"] = entry.by
    return canonical_json(value)


def parse_entry(data: bytes, *, number: int) -> Entry:
    """Read one stored entry; only the exact bytes that `encode_entry` gives are an entry.

    Raises:
        IntegrityError: Anything else.
    """
    try:
        entry = _entry_from(json.loads(data))
        is_exact = encode_entry(entry) == data
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise IntegrityError(
            f"{entry_path(number)}: entry {number} cannot be read as a log entry ({error}); "
            "restore the log from a copy"
        ) from error
    if not is_exact:
        raise IntegrityError(
            f"{entry_path(number)}: entry {number} is not in canonical form, so it was not written "
            "by a registry; restore the log from a copy"
        )
    return entry


def _entry_from(value: dict[str, object]) -> Entry:
    if not _REQUIRED_KEYS <= value.keys() <= _REQUIRED_KEYS | {"by"}:
        raise ValueError(f"its keys are {', '.join(sorted(value))}")
    if (value["v"], value["kind"]) != (_FORMAT, "put"):
        raise ValueError(f"format {value['v']}, kind {value['kind']} is not known to this version")
    manifest = value["manifest"]
    if not isinstance(manifest, dict) or manifest.keys() != {"digest", "size"}:
        raise ValueError("its manifest is not a digest with a size")
    return Entry(
        origin=_text(value["origin"]),
        name=check_name(_text(value["name"])),
        version=_count(value["version"]),
        manifest_digest=_digest(manifest["digest"]),
        manifest_size=_count(manifest["size"]),
        prev_manifest=None if value["prev_manifest"] is None else _digest(value["prev_manifest"]),
        prev_entry=None if value["prev_entry"] is None else _digest(value["prev_entry"]),
        created=_text(value["created"]),
        by=_text(value["by"]) if "by" in value else None,
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"text expected, got {value!r}")
    return value


def _digest(value: object) -> str:
    if not _DIGEST.fullmatch(_text(value)):
        raise ValueError(f"sha256:<64 hex digits> expected, got {value!r}")
    return _text(value)


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"a count from 1 expected, got {value!r}")
    return value


def open_log(raw: Sequence[bytes], checkpoint: Checkpoint) -> Log:
    """Read a log whose every entry agrees with the checkpoint and with its neighbours.

    Raises:
        IntegrityError: As `check_chain` and `check_order`.
    """
    check_chain(raw, checkpoint)
    entries = tuple(parse_entry(data, number=number) for number, data in enumerate(raw, start=1))
    check_order(entries, checkpoint)
    return Log(checkpoint, tuple(raw), entries)


def check_chain(entries: Sequence[bytes], checkpoint: Checkpoint) -> None:
    """Every stored entry is what was committed, none is missing and none was added.

    Steps: (1) a checkpoint altered alone is named as such; (2) entries past it; (3) each entry
    against what its successor, or the checkpoint for the last one, recorded of it; (4) entries
    missing at the end; (5) the Merkle root over all.

    Args:
        entries: All stored entries, in the order of their numbers.
        checkpoint: The state that was committed.

    Raises:
        IntegrityError: Names the first entry that is proven broken, or the checkpoint.
    """
    has_root = merkle_root(entries) == checkpoint.root
    actual = checkpoint_of(checkpoint.origin, entries)
    # (1) the checkpoint alone
    if has_root and actual != checkpoint:
        raise checkpoint_error(
            f"its root covers the {actual.size} stored entries, but it says size {checkpoint.size} "
            f"and head {checkpoint.head}, not size {actual.size} and head {actual.head}"
        )
    # (2) entries past it
    if len(entries) > checkpoint.size:
        check_chain(entries[: checkpoint.size], checkpoint)
        raise _past_checkpoint(checkpoint)
    # (3) links
    _check_links(entries, checkpoint)
    # (4) entries missing at the end
    if len(entries) < checkpoint.size:
        raise _missing_entry(len(entries) + 1, checkpoint)
    # (5) the root
    if not has_root:
        raise checkpoint_error(f"it says root {checkpoint.root}, the stored entries have {actual.root}")


def check_order(entries: Sequence[Entry], checkpoint: Checkpoint) -> None:
    """Versions of each name follow one another, each naming the manifest before it.

    Raises:
        IntegrityError: Names the first entry out of order.
    """
    newest: dict[str, Entry] = {}
    for number, entry in enumerate(entries, start=1):
        before = newest.get(entry.name)
        version = before.version + 1 if before else 1
        manifest = before.manifest_digest if before else None
        wanted = (version, manifest, entries[0].origin)
        if (entry.version, entry.prev_manifest, entry.origin) != wanted:
            raise IntegrityError(
                f"{entry_path(number)}: entry {number} must be {entry.name}@{version} of log "
                f"'{wanted[2]}' after manifest {manifest}, got {entry.label} of log "
                f"'{entry.origin}' after {entry.prev_manifest}; restore the log from a copy"
            )
        newest[entry.name] = entry
    if entries and entries[0].origin != checkpoint.origin:
        raise checkpoint_error(f"it says origin '{checkpoint.origin}', the entries say '{entries[0].origin}'")


def _check_links(entries: Sequence[bytes], checkpoint: Checkpoint) -> None:
    """Name the entry that differs; a link is what an entry records of the one before it.

    An altered entry breaks the link behind it, and the one before it too when its own record was
    altered: two broken links in a row accuse the entry between them. Of altered neighbours the
    second is named, since what it says of the first proves nothing any more.
    """
    recorded = [_recorded_predecessor(data) for data in entries]
    if len(entries) == checkpoint.size:
        recorded.append(checkpoint.head or NO_HEAD)
    actual = [NO_HEAD, *(digest_bytes(data) for data in entries)]
    broken = [j for j, record in enumerate(recorded) if record != actual[j]]
    if not broken:
        return
    first = broken[0]
    number = first + 1 if first == 0 or first + 1 in broken else first
    if number >= len(recorded) or recorded[number] == actual[number]:
        what = f"it follows {recorded[number - 1]}, but {actual[number - 1]} stands before it"
    else:
        what = f"the log says {recorded[number]}, the file has {actual[number]}"
    raise IntegrityError(
        f"{entry_path(number)}: entry {number} does not match its stored bytes: {what}; do not "
        "serve this release or a later one, restore the log from a copy"
    )


def _recorded_predecessor(data: bytes) -> str:
    """The digest an entry records of the one before it; unreadable entries record nothing."""
    try:
        return parse_entry(data, number=0).prev_entry or NO_HEAD
    except IntegrityError:
        return "nothing readable"


def _past_checkpoint(checkpoint: Checkpoint) -> IntegrityError:
    number = checkpoint.size + 1
    return IntegrityError(
        f"{entry_path(number)}: the checkpoint covers {checkpoint.size} entries, but entry "
        f"{number} is stored: an entry was planted, or the checkpoint was put back to an older "
        "one; compare with a copy"
    )


def _missing_entry(number: int, checkpoint: Checkpoint) -> IntegrityError:
    return IntegrityError(
        f"{entry_path(number)}: the checkpoint covers {checkpoint.size} entries, but entry "
        f"{number} is not stored; restore it from a copy"
    )
