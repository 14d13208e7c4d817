"""New files on their way into the registry: hashed while they are written, then durable all at once.

Leaves to others: final names and the commit (`registry.commit`); what a crash left is theirs to sweep.
Always: the digest is that of exactly the bytes written; a staged file is new, plain, read-only; links
are not followed; nothing counts as durable before `sync` returned.
Covered: a source that changes while it is read, a full disk, a writing error the disk reports late.
Not covered: a disk that lies about syncing; Linux before 5.8, whose `syncfs` hides late errors.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import itertools
import os
import secrets
import stat
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from smallcraft.errors import InvalidInputError
from smallcraft.registry.tlog.entry import Content

Block = bytes | memoryview

_BLOCK_BYTES = 1 << 17  # stays in the processor's cache between hashing and writing
_READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_WRITE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ_ONLY = 0o444
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
_NOT_OFFERED = {errno.ENOSYS, errno.EPERM, errno.EINVAL, errno.EOPNOTSUPP}


class Staging:
    """Files of one write, in a folder that nobody else writes to.

    Args:
        folder: An existing folder on the registry's file system; what it holds is left alone.

    Raises:
        InvalidInputError: `folder` is missing, a link, or no folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Opened before anything is written: `syncfs` reports the errors since then, and only those.
        self._opened = _open_folder(folder)
        self._paths: dict[str, Path] = {}
        self._prefix = secrets.token_hex(4)
        self._numbers = itertools.count(1)
        weakref.finalize(self, os.close, self._opened)

    @property
    def paths(self) -> Mapping[str, Path]:
        """Where the bytes with each digest wait."""
        return MappingProxyType(self._paths)

    def add(self, source: Path | bytes) -> Content:
        """Copy a file, or write bytes; equal content is kept once. Not yet durable.

        Args:
            source: Bytes, or a plain file; a link is not followed.

        Raises:
            InvalidInputError: `source` is missing, a link, no plain file, or changed while it was
                read; or the disk is full.
        """
        if isinstance(source, Path):
            return self.add_blocks(read_blocks(source))
        digest = "sha256:" + hashlib.sha256(source).hexdigest()
        if digest in self._paths:
            return Content(digest, len(source))
        return self.add_blocks((source,))

    def add_blocks(self, blocks: Iterable[Block]) -> Content:
        """Write a file that is made while it is read, such as a pack; otherwise as `add`.

        Args:
            blocks: Its bytes, in order; each may be overwritten once the next is asked for.
        """
        content, path = self.write_blocks(blocks)
        if content.digest in self._paths:
            os.unlink(path.name, dir_fd=self._opened)
        else:
            self._paths[content.digest] = path
        return content

    def write_blocks(self, blocks: Iterable[Block]) -> tuple[Content, Path]:
        """Write a new file and say what it holds; it is not counted among `paths`. Several threads may."""
        name = self._next_name()
        hasher, size = hashlib.sha256(), 0
        with self._created(name) as target:
            for block in blocks:
                hasher.update(block)
                size += _write_all(target, block)
        return Content("sha256:" + hasher.hexdigest(), size), self.folder / name

    def discard(self, digest: str) -> None:
        """Take a staged file away again, because it is stored in another form."""
        os.unlink(self._paths.pop(digest).name, dir_fd=self._opened)

    def sync(self) -> None:
        """Make every staged file, and its name here, survive a power cut.

        Raises:
            InvalidInputError: The disk turned out to be full.
            OSError: The disk failed; nothing staged here may be used.
        """
        with _told_when_full(self.folder):
            if _sync_filesystem(self._opened):
                return
            for path in self._paths.values():
                _sync_file(path.name, self._opened)
            os.fsync(self._opened)

    def _next_name(self) -> str:
        return f"{self._prefix}-{next(self._numbers):08d}"

    @contextlib.contextmanager
    def _created(self, name: str) -> Iterator[int]:
        """A new file for writing, read-only afterwards; taken away again when writing it fails."""
        with _told_when_full(self.folder):
            target = os.open(name, _WRITE_FLAGS, 0o600, dir_fd=self._opened)
            try:
                yield target
                os.fchmod(target, _READ_ONLY)
            except BaseException:
                os.unlink(name, dir_fd=self._opened)
                raise
            finally:
                os.close(target)


def read_blocks(source: Path) -> Iterator[memoryview]:
    """A plain file's bytes in blocks; each block is overwritten by the next.

    Raises:
        InvalidInputError: It is missing, a link, no plain file, or changed while it was read.
    """
    opened = open_plain(source)
    try:
        before = os.fstat(opened)
        # One byte more than the file: the read that meets its end is the only one of a small file.
        buffer = memoryview(bytearray(min(_BLOCK_BYTES, before.st_size + 1)))
        size = 0
        while count := os.readv(opened, [buffer]):
            size += count
            yield buffer[:count]
        after = os.fstat(opened)
        if (before.st_size, before.st_mtime_ns, size) != (after.st_size, after.st_mtime_ns, after.st_size):
            raise InvalidInputError(
                f"{source} must not change while it is stored, but it did ({before.st_size} bytes before, "
                f"{size} read, {after.st_size} after); let its writer finish, then store it again"
            )
    finally:
        os.close(opened)


def open_plain(source: Path) -> int:
    """A descriptor to read a plain file with; the caller closes it.

    Raises:
        InvalidInputError: It is missing, a link, or no plain file.
    """
    try:
        opened = os.open(source, _READ_FLAGS)
    except OSError as error:
        raise InvalidInputError(
            f"{source} cannot be read as a plain file ({error.strerror}); pass the file itself, "
            "not a link to it"
        ) from error
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise InvalidInputError(f"{source} must be a plain file; pass each file of a folder")
    return opened


def sync_filesystem(folder: Path) -> bool:
    """Make all that was written to a folder's file system survive a power cut.

    Returns:
        False where the system offers no `syncfs`: then sync each file and folder on its own.

    Raises:
        InvalidInputError: `folder` is missing, a link, or no folder; or the disk is full.
        OSError: The disk failed.
    """
    opened = _open_folder(folder)
    try:
        with _told_when_full(folder):
            return _sync_filesystem(opened)
    finally:
        os.close(opened)


def _sync_filesystem(opened: int) -> bool:
    syncfs = _load_syncfs()
    if syncfs is None:
        return False
    if syncfs(opened) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NOT_OFFERED:
        return False
    # Any other error means that bytes were lost; syncing the files now might no longer report it.
    raise OSError(number, os.strerror(number))


@cache
def _load_syncfs() -> Callable[[int], int] | None:
    try:
        function = ctypes.CDLL(None, use_errno=True).syncfs
    except (OSError, AttributeError):
        return None
    function.argtypes, function.restype = (ctypes.c_int,), ctypes.c_int
    typed: Callable[[int], int] = function
    return typed


def _sync_file(name: str, folder: int) -> None:
    opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _open_folder(folder: Path) -> int:
    try:
        return os.open(folder, _FOLDER_FLAGS)
    except OSError as error:
        raise InvalidInputError(
            f"{folder} must be a folder to write to, but it cannot be opened as one ({error.strerror}); "
            "make it, and use the folder itself, not a link to it"
        ) from error


def _write_all(target: int, block: Block) -> int:
    rest = memoryview(block)
    size = rest.nbytes
    while rest.nbytes:
        rest = rest[os.write(target, rest) :]
    return size


@contextlib.contextmanager
def _told_when_full(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK_FULL:
            raise
        raise InvalidInputError(
            f"the disk of {folder} must take what is stored, but it is full ({error.strerror}); nothing was "
            "committed: free some space (`smallcraft gc`), then run the same command again"
        ) from error
