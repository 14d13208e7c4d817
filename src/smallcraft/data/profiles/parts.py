"""Parts: files in which each process notes what it sees of a window while the window is open.

How a part lives, in one folder for all processes:
1. a process opens `<start>-<seconds>-<process>-<sequence>.open`, keeps it locked as long as it lives, and
   appends a frame every second or so (`PartWriter.append`);
2. at the window's close it syncs the file and renames it to `.part`: sealed, never changed again (`seal`);
3. the collector lists windows that are over (`list_closed`), which seals the parts of processes that died:
   their lock is free, and what a killed writer left of its last frame is cut off;
4. it reads the parts (`read_part`), puts them into the store under their names, and only then deletes them
   (`acknowledge`). Killed in between it meets the same names again, and the store knows them.

Leaves to others: what is in a frame (`data.profiles.packing`), the store (`observe.store`), clocks.
Always: a part's name is never used twice; what was appended survives kill -9 of its process, what was sealed
also a power cut; a part that is listed does not change until it is acknowledged.
Not covered: folders on network shares, whose locks may not outlive their process; two collectors at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from smallcraft.data.profiles.framing import HEADER, frame, read_frames, read_whole
from smallcraft.errors import InvalidInputError

# Texts of clients are in it.
_MODE = 0o600
OPEN, SEALED, DAMAGED = ".open", ".part", ".damaged"
_PROCESS = re.compile(r"[A-Za-z0-9_.]{1,64}")
_NAME = re.compile(r"(-?\d+)-(\d+)-([A-Za-z0-9_.]{1,64})-(\d+)")


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A time slice.

    Attributes:
        start_s: Begin, in whole seconds since 1970 UTC; a multiple of `seconds`.
        seconds: Length.
    """

    start_s: int
    seconds: int

    @property
    def end_s(self) -> int:
        """The first second that is no longer in it."""
        return self.start_s + self.seconds


@dataclass(frozen=True, slots=True, order=True)
class PartName:
    """Which part: the window, who wrote it, and the how manieth of theirs it is."""

    span: Span
    process: str
    sequence: int

    def __str__(self) -> str:
        return f"{self.span.start_s}-{self.span.seconds}-{self.process}-{self.sequence}"


@dataclass(frozen=True)
class ClosedWindow:
    """A window that is over, with its sealed parts.

    Attributes:
        span: When it was.
        parts: In the order of their names.
    """

    span: Span
    parts: tuple[PartName, ...]


def span_of(time_s: float, seconds: int) -> Span:
    """The window of a length that a time lies in.

    >>> span_of(3725.5, 3600)
    Span(start_s=3600, seconds=3600)
    """
    return Span(int(time_s // seconds) * seconds, seconds)


def new_process(role: str) -> str:
    """A name for a process that no other start of any process has.

    Args:
        role: Letters and digits, such as `worker`; what people recognise it by.
    """
    return f"{role}.{os.getpid()}.{secrets.token_hex(6)}"


class PartWriter:
    """Writes the parts of one process; used by one thread at a time, not across a fork.

    Args:
        folder: Of all parts; made when it is missing.
        process: From `new_process`, once a start.

    Raises:
        InvalidInputError: The process's name has other letters than `A-Z a-z 0-9 _ .`, or more than 64.
    """

    def __init__(self, folder: Path, process: str) -> None:
        if not _PROCESS.fullmatch(process):
            raise InvalidInputError(
                f"a process of parts is named with 1 to 64 of A-Z a-z 0-9 _ ., got {process!r};"
                " take one from new_process"
            )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._process = process
        self._next = 0
        self._open: dict[Span, _OpenPart] = {}

    @property
    def spans(self) -> tuple[Span, ...]:
        """Windows with an open part, oldest first."""
        return tuple(sorted(self._open))

    def append(self, span: Span, payload: bytes) -> None:
        """Note one frame of a window; it survives this process from here on.

        Args:
            span: The window; may have been sealed before, then another part begins.
            payload: At least a byte.

        Raises:
            OSError: The disk refused; nothing was noted, and the same payload may be appended again.
        """
        if span not in self._open:
            self._open[span] = self._begin(span)
        self._open[span].append(frame(payload))

    def seal(self, span: Span) -> None:
        """End this process's part of a window, if there is one.

        Raises:
            OSError: The disk refused; the part is still open.
        """
        part = self._open.get(span)
        if part is not None:
            part.seal(self._folder)
            del self._open[span]

    def close(self) -> None:
        """Seal every open part; the next process goes on with the window in a part of its own.

        Raises:
            OSError: The disk refused; what was appended is sealed by the collector.
        """
        for span in self.spans:
            self.seal(span)

    def _begin(self, span: Span) -> _OpenPart:
        while True:
            name = PartName(span, self._process, self._next)
            self._next += 1
            part = _OpenPart.begin(self._folder, name)
            if part is not None:
                return part


@dataclass
class _OpenPart:
    name: PartName
    descriptor: int
    size: int

    @classmethod
    def begin(cls, folder: Path, name: PartName) -> _OpenPart | None:
        """None when a collector took the new file away before it was locked."""
        path = folder / f"{name}{OPEN}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
        part = cls(name, descriptor, 0)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if not _is_at(descriptor, path):
                part.leave()
                return None
            part.append(HEADER)
        except BaseException:
            # Or a full disk would be tried with one more file each time.
            path.unlink(missing_ok=True)
            part.leave()
            raise
        return part

    def append(self, data: bytes) -> None:
        written = 0
        try:
            while written < len(data):
                written += os.write(self.descriptor, data[written:])
        except OSError:
            os.ftruncate(self.descriptor, self.size)
            os.lseek(self.descriptor, self.size, os.SEEK_SET)
            raise
        self.size += written

    def seal(self, folder: Path) -> None:
        os.fsync(self.descriptor)
        (folder / f"{self.name}{OPEN}").rename(folder / f"{self.name}{SEALED}")
        _sync(folder)
        self.leave()

    def leave(self) -> None:
        os.close(self.descriptor)


def list_closed(
    folder: Path, *, now_s: float, grace_s: float = 5.0, patience_s: float = 60.0
) -> tuple[ClosedWindow, ...]:
    """Windows that are over and have parts that were not acknowledged yet, oldest first.

    A window of which a living process still has an open part is left out until `patience_s` after its end;
    that part, sealed later, makes the window appear again with it alone.

    Args:
        folder: Of all parts.
        now_s: Wall time, seconds since 1970 UTC.
        grace_s: How long after its end a window is left to its writers.
        patience_s: How long after its end living writers are waited for.

    Raises:
        OSError: A part of a dead process could not be sealed.
    """
    # Sets: a folder that is read while a file is renamed may show it under both names.
    sealed: dict[Span, set[PartName]] = {}
    waiting: set[Span] = set()
    for name, suffix in _names(folder):
        late_s = now_s - name.span.end_s
        if late_s < grace_s:
            continue
        if suffix == SEALED or (suffix == OPEN and _seal_orphan(folder, name)):
            sealed.setdefault(name.span, set()).add(name)
        elif suffix == OPEN and late_s < patience_s and (folder / f"{name}{OPEN}").exists():
            waiting.add(name.span)
    return tuple(ClosedWindow(span, tuple(sorted(sealed[span]))) for span in sorted(set(sealed) - waiting))


def read_part(folder: Path, name: PartName) -> tuple[bytes, ...]:
    """The payloads of a sealed part, in the order they were appended.

    Raises:
        IntegrityError: It is not what was written; `set_aside` lets the others go on.
        OSError: It is not there, or cannot be read.
    """
    path = folder / f"{name}{SEALED}"
    return read_whole(path.read_bytes(), name=str(path))


def acknowledge(folder: Path, names: Iterable[PartName]) -> None:
    """Delete parts whose rows, and whose names, are in the store to stay; those gone already are no error.

    Raises:
        OSError: The disk refused; they are listed again.
    """
    for name in names:
        (folder / f"{name}{SEALED}").unlink(missing_ok=True)


def set_aside(folder: Path, name: PartName) -> Path:
    """Take a damaged part out of the way, for people to look at.

    Returns:
        Where it is now.
    """
    path = folder / f"{name}{DAMAGED}"
    (folder / f"{name}{SEALED}").rename(path)
    return path


def parse_name(text: str) -> PartName:
    """A part's name from its text.

    Raises:
        InvalidInputError: It is none.

    >>> str(parse_name("3600-3600-worker.7.ab-0"))
    '3600-3600-worker.7.ab-0'
    """
    found = _NAME.fullmatch(text)
    if found is None:
        raise InvalidInputError(
            f"a part is named <start>-<seconds>-<process>-<sequence>, got {text!r};"
            " take names from list_closed"
        )
    start, seconds, process, sequence = found.groups()
    return PartName(Span(int(start), int(seconds)), process, int(sequence))


def _names(folder: Path) -> list[tuple[PartName, str]]:
    found = []
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            stem, dot, suffix = entry.name.rpartition(".")
            if dot and _NAME.fullmatch(stem):
                found.append((parse_name(stem), dot + suffix))
    return sorted(found)


def _seal_orphan(folder: Path, name: PartName) -> bool:
    """Seal an open part whose process is gone; False while it lives, or when nothing is in it."""
    path = folder / f"{name}{OPEN}"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        # Its writer has sealed it since the folder was read.
        return (folder / f"{name}{SEALED}").exists()
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return (folder / f"{name}{SEALED}").exists()
        if not _is_at(descriptor, path):
            return (folder / f"{name}{SEALED}").exists()
        found = read_frames(path.read_bytes())
        if not found.payloads and not found.is_damaged:
            path.unlink()
            return False
        if not found.is_damaged:
            os.ftruncate(descriptor, found.whole_bytes)
        os.fsync(descriptor)
        path.rename(folder / f"{name}{SEALED}")
        _sync(folder)
        return True
    finally:
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether a path still names the opened file."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(descriptor)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
