"""Pins: the newest checkpoint of each log that this user has verified, kept where the log cannot reach.

Says how a checkpoint stands to a pinned one, and keeps pins as files; verifying a whole registry
belongs to `registry.verify`.
Always: a pin only moves forward; its file is replaced whole.
Covered: a log rolled back, forked, or signed by another key since it was last seen here.
Not covered: what happened before the first pin, and a user whose pins were deleted.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from smallcraft.errors import IntegrityError, InvalidInputError, SmallcraftError
from smallcraft.registry.tlog.checkpoint import Checkpoint, open_checkpoint
from smallcraft.registry.tlog.note import parse_verifier
from smallcraft.registry.tlog.tree import check_consistency

HEADER = "smallcraft pin v1"

Standing = Literal["same", "ahead", "rollback", "fork", "another key"]

Consistency = Callable[[int], Sequence[bytes]]
"""`consistency(old_size)`: proof that the log continues its first `old_size` entries."""


@dataclass(frozen=True)
class Pin:
    """A checkpoint that was verified, and the key that signed it.

    Attributes:
        vkey: The log's verifier key.
        note: The checkpoint as stored, signatures and all.
        checkpoint: What it says.
    """

    vkey: str
    note: bytes
    checkpoint: Checkpoint


@dataclass(frozen=True)
class Comparison:
    """How a checkpoint stands to a known one.

    Attributes:
        standing: `same` and `ahead` are well; the others are not.
        message: What was known, what is there, what to do.
    """

    standing: Standing
    message: str

    @property
    def is_well(self) -> bool:
        """Whether the log went on, or stayed."""
        return self.standing in {"same", "ahead"}


def open_pin(note: bytes, vkey: str) -> Pin:
    """A pin of this checkpoint under this key.

    Raises:
        InvalidInputError: The key is none.
        IntegrityError: The key did not sign the checkpoint.
    """
    return Pin(vkey, note, open_checkpoint(note, [parse_verifier(vkey)]))


def encode_pin(pin: Pin) -> bytes:
    """The pin as a file: a header, the key, a blank line, the note."""
    return f"{HEADER}\n{pin.vkey}\n\n".encode() + pin.note


def parse_pin(data: bytes, *, path: str) -> Pin:
    """Read a pin's file.

    Raises:
        IntegrityError: It is none, or its checkpoint was altered.
    """
    head, _, note = data.partition(b"\n\n")
    try:
        header, vkey = head.decode("utf-8").split("\n")
        if header != HEADER:
            raise InvalidInputError(f"it begins with {header!r}")
        return open_pin(note, vkey)
    except (ValueError, IntegrityError) as error:
        raise IntegrityError(
            f"{path}: this pin was altered ({error}); get the log's checkpoint from someone you trust, "
            "compare, then delete this file"
        ) from error


def compare(pin: Pin, seen: Checkpoint, *, keys: Sequence[str], consistency: Consistency) -> Comparison:
    """How a log's checkpoint stands to the pinned one.

    Args:
        pin: The one known before.
        seen: The one there now; its signature is checked already.
        keys: Verifier keys of the log, oldest first, each handed over by the one before it
            (`State.log_keys`), or the one key that signed `seen`.
        consistency: Gives the proof from an older size to `seen`; it may raise IntegrityError.
    """
    if pin.vkey not in keys or pin.checkpoint.origin != seen.origin:
        return Comparison(
            "another key",
            f"log '{pin.checkpoint.origin}' was signed by {pin.vkey} when it was last seen here, now "
            f"'{seen.origin}' by {keys[-1] if keys else 'nobody'}, and no entry hands one key over to the "
            "other: this is another log, or someone else signs it; ask its owner before you trust it",
        )
    return compare_checkpoints(pin.checkpoint, seen, consistency=consistency)


def compare_checkpoints(known: Checkpoint, seen: Checkpoint, *, consistency: Consistency) -> Comparison:
    """How one checkpoint of a log stands to an earlier known one, both signed by its keys."""
    if seen.size < known.size:
        return Comparison(
            "rollback",
            f"the log was rolled back: {known.size} entries were verified before, now it has {seen.size}; "
            "an older copy was put back or entries were deleted: do not use it, restore the newer copy",
        )
    if seen.size == known.size:
        if seen.root == known.root:
            return Comparison("same", f"the log is as it was, with {seen.size} entries")
        return _fork(known, seen)
    try:
        check_consistency(
            consistency(known.size),
            old_size=known.size,
            new_size=seen.size,
            old_root=known.root,
            new_root=seen.root,
        )
    except IntegrityError:
        return _fork(known, seen)
    return Comparison("ahead", f"the log grew from {known.size} to {seen.size} entries and changed none")


def _fork(known: Checkpoint, seen: Checkpoint) -> Comparison:
    return Comparison(
        "fork",
        f"the log was forked: its first {known.size} entries had root {known.root_digest} when they were "
        f"verified, the log of {seen.size} entries there now has others, under the same key: two histories "
        "were signed; do not use either before its owner says which one is true",
    )


class Pins:
    """Pins as files in one folder, one for each origin."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing is read or made yet.

        Args:
            folder: As `keys.keyring.config_folder` gives it; pins lie in `pins/` below.
        """
        self.folder = folder / "pins"

    def path(self, origin: str) -> Path:
        """Where the pin of a log lies."""
        return self.folder / f"{hashlib.sha256(origin.encode('utf-8')).hexdigest()[:32]}.pin"

    def read(self, origin: str) -> Pin | None:
        """The pin of a log, or None where it was never seen.

        Raises:
            IntegrityError: The file is no pin of this log.
        """
        path = self.path(origin)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        pin = parse_pin(data, path=str(path))
        if pin.checkpoint.origin != origin:
            raise IntegrityError(
                f"{path}: this pin is of '{pin.checkpoint.origin}', not of '{origin}'; delete it"
            )
        return pin

    def write(self, pin: Pin) -> None:
        """Keep a pin in place of an older one; one that is not newer changes nothing.

        The caller has compared it with `read` and found it the same or ahead. A pin that comes while this
        very thread writes another one (a registry that is collected as garbage pins what it saw) would wait
        for itself: it is kept right after that one, and nobody hears that it did not work.

        Raises:
            IntegrityError: The pin there was altered, or says otherwise of the same size.
        """
        if _TURN.is_taken:
            _TURN.late.append((self, pin))
            return
        _TURN.is_taken = True
        try:
            self._write(pin)
        finally:
            _TURN.is_taken = False
            while _TURN.late:
                pins, late = _TURN.late.pop(0)
                with contextlib.suppress(SmallcraftError, OSError):
                    pins.write(late)

    def _write(self, pin: Pin) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            # Two processes that pin at once take turns, so that the older one does not come last.
            fcntl.flock(folder, fcntl.LOCK_EX)
            if self._is_newer(pin):
                _replace_file(self.path(pin.checkpoint.origin), encode_pin(pin))
                os.fsync(folder)
        finally:
            os.close(folder)

    def _is_newer(self, pin: Pin) -> bool:
        known = self.read(pin.checkpoint.origin)
        if known is None or known.checkpoint.size < pin.checkpoint.size:
            return True
        if known.checkpoint.size == pin.checkpoint.size and known.checkpoint.root != pin.checkpoint.root:
            raise IntegrityError(_fork(known.checkpoint, pin.checkpoint).message)
        return False


@dataclass
class _Turn(threading.local):
    """Whether this thread writes a pin just now, and those that came meanwhile."""

    is_taken: bool = False
    late: list[tuple[Pins, Pin]] = field(default_factory=list)


_TURN = _Turn()


def _replace_file(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
