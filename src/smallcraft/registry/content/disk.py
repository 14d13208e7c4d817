"""The registry's files: where each lives, reads that trust nothing, renames that survive a crash.

Leaves to others: what the bytes mean (`registry.tlog`, `registry.manifests`), how new ones arrive
(`content.staging`) and in which order they get their names (`registry.committing`).
Always: links are never followed below the root; what is handed out was hashed on the way.
Not covered: a reader's folders above the root, and a disk that lies about syncing.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import mmap
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError
from smallcraft.registry.tlog.entry import Content

CHECKPOINT_PATH = "log/checkpoint"
POLICY_PATH = "log/policy"
DATABASE_NAMES = ("state.db", "state.db-wal", "state.db-shm", "state.db-journal")

_READ_BYTES = 1 << 20
_READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_WRITE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ_ONLY = 0o444


@dataclass(frozen=True)
class Layout:
    """Where each thing lives below a registry's root."""

    root: Path

    @property
    def oci_layout(self) -> Path:
        """Marks the folder as an OCI image layout."""
        return self.root / "oci-layout"

    @property
    def index(self) -> Path:
        """Every live manifest, for tools that read no log; derived."""
        return self.root / "index.json"

    @property
    def blobs(self) -> Path:
        """Content by digest."""
        return self.root / "blobs" / "sha256"

    @property
    def log(self) -> Path:
        """The log's folder; writers lock it."""
        return self.root / "log"

    @property
    def checkpoint(self) -> Path:
        """The committed state, signed; its rename is the commit."""
        return self.root / CHECKPOINT_PATH

    @property
    def policy(self) -> Path:
        """Whose keys the log claims."""
        return self.log / "policy"

    @property
    def database(self) -> Path:
        """What makes searching fast; derived."""
        return self.root / DATABASE_NAMES[0]

    @property
    def tmp(self) -> Path:
        """What is being written; empty but for a running or an interrupted writer."""
        return self.root / "tmp"

    @property
    def trash(self) -> Path:
        """Blobs that nothing needs any more, until their grace is over; a folder a day."""
        return self.root / "trash"

    @property
    def quarantine(self) -> Path:
        """Blobs whose bytes were not what they are stored as."""
        return self.root / "quarantine"

    @property
    def intent(self) -> Path:
        """What a writer is about to give its final name, so that it can be taken back."""
        return self.tmp / "intent.json"

    def blob(self, digest: str) -> Path:
        """The file that holds the bytes with that digest."""
        return self.blobs / digest.removeprefix("sha256:")

    def tile(self, path: str) -> Path:
        """The file of a tile; `path` is below the log."""
        return self.log / path

    def name_of(self, path: Path) -> str:
        """The path below the root, for messages."""
        return path.relative_to(self.root).as_posix()


def make_folders(layout: Layout) -> None:
    """Create what is missing of the registry's folders."""
    for folder in (layout.blobs, layout.log / "tile" / "entries", layout.tmp):
        folder.mkdir(parents=True, exist_ok=True)


def read_blob(layout: Layout, wanted: Content, *, use: str) -> bytes:
    """Read a blob once; the bytes returned are the bytes that were hashed.

    Args:
        layout: The registry.
        wanted: What the bytes must be.
        use: What they are for, as it should stand in a message.

    Raises:
        IntegrityError: The file is missing, a link, or holds other bytes.
    """
    path = layout.blob(wanted.digest)
    name = layout.name_of(path)
    data = read_bytes(path, name=name, limit=wanted.size_bytes + 1)
    if digest_bytes(data) != wanted.digest or len(data) != wanted.size_bytes:
        got = Content(digest_bytes(data), path.lstat().st_size)
        raise content_error(name, wanted, got, use=use)
    return data


def content_error(name: str, wanted: Content, got: Content, *, use: str) -> IntegrityError:
    """The one message for stored bytes that are not what was recorded."""
    return IntegrityError(
        f"{name} ({use}) does not match its record: expected {wanted.size_bytes} bytes with "
        f"{wanted.digest}, the file has {got.size_bytes} bytes"
        f"{'' if got.digest == wanted.digest else f' with {got.digest}'}; do not use it, restore "
        "it from a copy"
    )


def read_bytes(path: Path, *, name: str, limit: int | None = None) -> bytes:
    """All bytes of a plain file, at most `limit`.

    Raises:
        IntegrityError: It is missing, a link, or not a plain file.
    """
    with _opened(path, name=name) as source:
        blocks = bytearray()
        while limit is None or len(blocks) < limit:
            wanted = _READ_BYTES if limit is None else min(_READ_BYTES, limit - len(blocks))
            block = os.read(source, wanted)
            if not block:
                break
            blocks += block
    return bytes(blocks)


def hash_file(path: Path, *, name: str) -> Content:
    """Digest and size of a plain file's bytes.

    Raises:
        IntegrityError: It is missing, a link, or not a plain file.
    """
    hasher, size = hashlib.sha256(), 0
    buffer = memoryview(bytearray(_READ_BYTES))
    with _opened(path, name=name) as source:
        while count := os.readv(source, [buffer]):
            hasher.update(buffer[:count])
            size += count
    return Content("sha256:" + hasher.hexdigest(), size)


@contextlib.contextmanager
def mapped(path: Path, *, name: str) -> Iterator[memoryview]:
    """A plain file's bytes without reading them all; hash what you use.

    Raises:
        IntegrityError: It is missing, a link, or not a plain file.
    """
    with _opened(path, name=name) as source:
        if os.fstat(source).st_size == 0:
            yield memoryview(b"")
            return
        # Never closed by hand: an error that is under way still holds views of it.
        yield memoryview(mmap.mmap(source, 0, access=mmap.ACCESS_READ))


def write_new(path: Path, data: bytes, *, is_synced: bool = True) -> None:
    """Write a new, read-only file; `path` must not exist.

    Args:
        path: Its name; links are not followed.
        data: Its bytes.
        is_synced: False where the caller syncs many files at once.
    """
    opened = os.open(path, _WRITE_FLAGS, 0o600)
    with _closing(opened):
        _write_all(opened, data)
        os.fchmod(opened, _READ_ONLY)
        if is_synced:
            os.fsync(opened)


def sync_file(path: Path) -> None:
    """Make a file's bytes survive a power cut."""
    opened = os.open(path, _READ_FLAGS)
    with _closing(opened):
        os.fsync(opened)


def rename_durably(source: Path, target: Path) -> None:
    """Give a synced file its final name, replacing what has it, and sync the folder."""
    source.replace(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make renames and removals in a folder survive a power cut."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with _closing(opened):
        os.fsync(opened)


@contextlib.contextmanager
def locked(folder: Path, *, shared: bool = False, wait: bool = True) -> Iterator[bool]:
    """Hold the advisory lock on a folder; it ends with the process, however that ends.

    Args:
        folder: What to lock.
        shared: Readers together instead of one writer.
        wait: Queue for the lock; otherwise yield False at once when another has it.
    """
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with _closing(opened):
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(opened, kind | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True


@contextlib.contextmanager
def _opened(path: Path, *, name: str) -> Iterator[int]:
    try:
        opened = os.open(path, _READ_FLAGS)
    except FileNotFoundError as error:
        raise IntegrityError(f"{name} is missing: the registry needs it; restore it from a copy") from error
    except OSError as error:
        what = "is a link" if path.is_symlink() else f"cannot be read ({error.strerror})"
        raise IntegrityError(
            f"{name} {what}: a plain file was stored there; restore it from a copy"
        ) from error
    with _closing(opened):
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise IntegrityError(
                f"{name} is not a plain file, but one was stored there; restore it from a copy"
            )
        yield opened


@contextlib.contextmanager
def _closing(opened: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(opened)


def _write_all(target: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(target, rest) :]
