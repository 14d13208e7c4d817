"""The registry's files: where each lives, reads that trust nothing, writes that survive a crash.

Leaves to others: what the bytes mean (`registry.log`, `registry.manifest`) and in which order they
are written (`registry.store`).
Always: links are never followed below the root; a file is synced before it gets its final name,
and the folder after.
Not covered: a reader's folders above the root, and a disk that lies about syncing.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.checkpoint import CHECKPOINT_PATH, Checkpoint, parse_checkpoint
from smallcraft.registry.log import Entry, Log, entry_path, open_log
from smallcraft.registry.manifest import Manifest, parse_manifest

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
        """Every release, for tools that read no log; derived."""
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
    def entries(self) -> Path:
        """One file an entry."""
        return self.log / "entries"

    @property
    def checkpoint(self) -> Path:
        """The committed state; its rename is the commit."""
        return self.root / CHECKPOINT_PATH

    @property
    def tmp(self) -> Path:
        """What is being written; empty but for a running or an interrupted writer."""
        return self.root / "tmp"

    @property
    def intent(self) -> Path:
        """What a writer is about to give its final name, so that it can be taken back."""
        return self.tmp / "intent.json"

    def blob(self, digest: str) -> Path:
        """The file that holds the bytes with that digest."""
        return self.blobs / digest.removeprefix("sha256:")

    def entry(self, number: int) -> Path:
        """The file of log entry `number`, from 1."""
        return self.root / entry_path(number)

    def name_of(self, path: Path) -> str:
        """The path below the root, for messages."""
        return path.relative_to(self.root).as_posix()


@dataclass(frozen=True)
class Content:
    """What bytes are, without where they are."""

    digest: str
    size_bytes: int


def make_folders(layout: Layout) -> None:
    """Create what is missing of the registry's folders."""
    for folder in (layout.blobs, layout.entries, layout.tmp):
        folder.mkdir(parents=True, exist_ok=True)


def read_log(layout: Layout) -> Log:
    """The committed log, every entry checked; what lies past the checkpoint is left alone.

    Raises:
        IntegrityError: The checkpoint or an entry is not what was committed.
    """
    checkpoint = read_checkpoint(layout)
    numbers = range(1, checkpoint.size + 1)
    paths = [layout.entry(number) for number in numbers]
    raw = [read_bytes(path, name=layout.name_of(path)) for path in paths]
    return open_log(raw, checkpoint)


def read_checkpoint(layout: Layout) -> Checkpoint:
    """The committed state.

    Raises:
        IntegrityError: It is missing or not in the form a registry writes.
    """
    return parse_checkpoint(read_bytes(layout.checkpoint, name=CHECKPOINT_PATH))


def read_manifest(layout: Layout, entry: Entry) -> Manifest:
    """The manifest that an entry names.

    Raises:
        IntegrityError: The stored bytes are not those.
    """
    wanted = Content(entry.manifest_digest, entry.manifest_size)
    data = read_blob(layout, wanted, use=f"the manifest of {entry.label}")
    return parse_manifest(data, digest=entry.manifest_digest)


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
    with _opened(path, name=name) as source:
        return _hash_stream(source, None)


def copy_hashed(source: Path | bytes, target: Path) -> Content:
    """Write a new, synced, read-only file and hash exactly what was written.

    Args:
        source: Bytes, or a plain file to copy.
        target: Must not exist; links are not followed.

    Raises:
        InvalidInputError: `source` is missing, a link, or not a plain file.
    """
    if isinstance(source, bytes):
        write_new(target, source)
        return Content(digest_bytes(source), len(source))
    try:
        opened = os.open(source, _READ_FLAGS)
    except OSError as error:
        raise InvalidInputError(
            f"{source} cannot be read as a plain file ({error.strerror}); pass the file itself, "
            "not a link to it"
        ) from error
    with _closing(opened):
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise InvalidInputError(f"{source} must be a plain file; pass each file of a folder")
        with _created(target) as written:
            return _hash_stream(opened, written)


def write_new(path: Path, data: bytes) -> None:
    """Write a new, synced, read-only file; `path` must not exist."""
    with _created(path) as written:
        _write_all(written, data)


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
def _created(path: Path) -> Iterator[int]:
    opened = os.open(path, _WRITE_FLAGS, 0o600)
    with _closing(opened):
        yield opened
        os.fchmod(opened, _READ_ONLY)
        os.fsync(opened)


@contextlib.contextmanager
def _closing(opened: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(opened)


def _hash_stream(source: int, target: int | None) -> Content:
    hasher = hashlib.sha256()
    size = 0
    while block := os.read(source, _READ_BYTES):
        hasher.update(block)
        size += len(block)
        if target is not None:
            _write_all(target, block)
    return Content("sha256:" + hasher.hexdigest(), size)


def _write_all(target: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(target, rest) :]
