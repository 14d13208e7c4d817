"""The proof of a release, checked as its page is asked for: place in the signed log, author's signature.

1. log: its checkpoint is signed by its key, every entry lies under its root, nothing that was seen is gone
2. inclusion: the hashes from the entry lead to the root of the checkpoint
3. signature: the author that the entry names signed exactly these digests, under this label

Leaves to others: the steps (`registry.opening`, `registry.tlog`, `registry.signing`).
Always: what does not hold raises; a step is told only where it held.
Not covered: the bytes of the files themselves (`smallcraft verify` reads them all), who owns the keys.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from smallcraft.dashboard.archive import open_log
from smallcraft.dashboard.sources import Sources
from smallcraft.errors import IntegrityError
from smallcraft.registry.opening import OpenLog
from smallcraft.registry.reading import Stored
from smallcraft.registry.signing import check_signature
from smallcraft.registry.tlog.tree import check_inclusion, leaf_hash


@dataclass(frozen=True)
class Event:
    """Something that the log says of this release after it was made.

    Attributes:
        time: When.
        text: What, in words.
        why: The reason that was given; empty for none.
    """

    time: str
    text: str
    why: str


@dataclass(frozen=True)
class ProofPart:
    """What held, and what a stranger needs to check it again.

    Attributes:
        number: Of the entry, from 1.
        size: Entries in the log.
        hashes: That lead from the entry to the root.
        root: Of the log.
        origin: Of the log.
        signer: The key that signed its checkpoint.
        author: Fingerprint of the key that signed the files.
        files: How many it signed.
        standing: How the log stands to what was seen of it before.
        export: The command that writes the proof to a folder.
        verify: The command that also reads every byte.
    """

    number: int
    size: int
    hashes: int
    root: str
    origin: str
    signer: str
    author: str
    files: int
    standing: str
    export: str
    verify: str


def prove(sources: Sources, stored: Stored) -> ProofPart:
    """Check the proof now.

    Raises:
        IntegrityError: A step does not hold.
    """
    # (1) log
    log = open_log(sources)
    number = number_of_entry(log, stored)
    # (2) inclusion
    hashes = log.tiles.inclusion(number - 1)
    leaf = leaf_hash(log.raw[number - 1])
    size, root = log.checkpoint.size, log.checkpoint.root
    check_inclusion(hashes, index=number - 1, size=size, leaf=leaf, root=root)
    # (3) signature
    check_signature(log, stored)
    label = shlex.quote(stored.entry.label)
    return ProofPart(
        number=number,
        size=size,
        hashes=len(hashes),
        root=log.checkpoint.root_digest,
        origin=log.checkpoint.origin,
        signer=log.signer,
        author=stored.entry.by or "",
        files=len(stored.locations) - 1,
        standing=log.standing,
        export=f"smallcraft show {label} --proof proof-of-{label}",
        verify=f"smallcraft verify {label}",
    )


def number_of_entry(log: OpenLog, stored: Stored) -> int:
    """The place of a release in the log, from 1.

    Raises:
        IntegrityError: The log has another entry in its place.
    """
    put = log.state.put(stored.entry.name or "", stored.entry.version or 0)
    if put is None or put.entry != stored.entry:
        raise IntegrityError(
            f"{stored.entry.label} is not in the log that is committed now; load the page again"
        )
    return put.number


def tell_events(log: OpenLog, stored: Stored) -> tuple[Event, ...]:
    """Names that came to mean this release, or ceased to, and its retirement; oldest first."""
    name, version = stored.entry.name or "", stored.entry.version
    found: list[tuple[int, Event]] = []
    for (owner, alias), moves in log.state.moves.items():
        meant: int | None = None
        for move in moves if owner == name else ():
            entry = move.entry
            if entry.version == version and meant != version:
                text = f"{alias} means it" if meant is None else f"{alias} moved here from {name}@{meant}"
                found.append((move.number, Event(entry.time, text, entry.reason or "")))
            elif meant == version and entry.version != version:
                text = f"{alias} was taken away"
                if entry.version is not None:
                    text = f"{alias} moved on to {name}@{entry.version}"
                found.append((move.number, Event(entry.time, text, entry.reason or "")))
            meant = entry.version
    retired = log.state.retired.get((name, version or 0))
    if retired is not None:
        found.append(
            (retired.number, Event(retired.entry.time, "it was retired", retired.entry.reason or ""))
        )
    return tuple(event for _, event in sorted(found, key=lambda one: one[0]))
