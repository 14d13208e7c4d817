"""Opens a tar or zip that came from elsewhere: whole and harmless, or not at all.

Leaves to others: what the files in it mean, and whether they are those of a release (`registry.verify`).
Always: every member is judged before the first one is written; nothing is written outside a new folder,
which gets its name when it is complete; the bytes written are counted, not believed.
Covered: absolute paths, `..`, links, devices, doubled or clashing names, too many or too large members,
members that share bytes (zip bombs), sizes that are not the real ones, a tar with something behind its end.
Not covered: compressed tars (unpack the compression first); durability (sync the folder's file system).

Source:
    PKWARE APPNOTE 6.3; POSIX.1-2001 pax interchange format; Fifield (2019), A better zip bomb.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import stat
import struct
import tarfile
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO

from smallcraft.errors import InvalidInputError
from smallcraft.registry.content.buffers import BufferFile
from smallcraft.registry.content.staging import open_plain
from smallcraft.registry.manifests.manifest import check_paths

MAX_BYTES = 4 << 30
MAX_FILES = 100_000

ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")

_READ_BYTES = 1 << 20
_WRITE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LOCAL_HEADER_BYTES = 30
_ENCRYPTED = 0x1
_PLAIN_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_UNREADABLE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    ValueError,
    EOFError,
    IndexError,
    OverflowError,
    NotImplementedError,
    RecursionError,
    RuntimeError,
)


@dataclass(frozen=True)
class Extracted:
    """What was written: paths below the folder, in order, and their bytes in all."""

    paths: tuple[str, ...]
    size_bytes: int


@dataclass(frozen=True)
class _Member:
    path: str
    size_bytes: int
    is_folder: bool
    open: Callable[[], IO[bytes] | None]


def extract_safely(
    archive: Path, target: Path, *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES
) -> Extracted:
    """Unpack an archive into a new folder.

    Steps: (1) judge every member by what the archive states; (2) write them beside the target, counting;
    (3) give the folder its name.

    Args:
        archive: A plain tar or a zip.
        target: Must not exist; its parent must.
        max_bytes: Most bytes that the files may have in all, unpacked.
        max_files: Most members, folders included.

    Raises:
        InvalidInputError: The target exists; or the archive cannot be read, or has a member that is
            refused. Nothing was left behind.
    """
    if os.path.lexists(target):
        raise InvalidInputError(f"{target} must not exist yet, it is there; name a new folder")
    with (
        os.fdopen(open_plain(archive), "rb") as stream,
        _readable(str(archive)),
        contextlib.ExitStack() as opened,
    ):
        # (1) judge
        listed = _list_zip if stream.read(4) in ZIP_MAGICS else _list_tar
        stream.seek(0)
        members = listed(stream, opened, archive, max_files)
        files = [member for member in members if not member.is_folder]
        check_members(
            [m.path for m in files], folders=[m.path for m in members if m.is_folder], use=str(archive)
        )
        _check_total(archive, files, max_bytes)
        # (2) write
        waiting = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            for member in members:
                _write_member(waiting, member, archive)
            waiting.chmod(0o755)
            # (3) name
            waiting.rename(target)
        except BaseException:
            shutil.rmtree(waiting)
            raise
    return Extracted(tuple(sorted(m.path for m in files)), sum(m.size_bytes for m in files))


def check_members(files: Sequence[str], *, folders: Sequence[str] = (), use: str) -> None:
    """Refuse names that leave the folder, repeat, or fall together where case does not count.

    Args:
        files: Path of each file, as stated.
        folders: Path of each folder that is listed itself.
        use: What holds them, as it should stand in a message.

    Raises:
        InvalidInputError: One of them does.
    """
    try:
        check_paths(files)
        # One by one: a folder may lie in another, which a file may not.
        for folder in folders:
            check_paths((folder,))
    except InvalidInputError as error:
        raise InvalidInputError(f"{use} must not be unpacked: {error}") from error
    if len(set(files)) < len(files) or not set(files).isdisjoint(folders):
        doubled = min(path for path in files if files.count(path) > 1 or path in folders)
        raise _refusal(use, f"{doubled!r} stands in it twice")
    parents = {folder[:end] for folder in folders for end, letter in enumerate(folder) if letter == "/"}
    if both := parents.intersection(files):
        raise _refusal(use, f"{min(both)!r} is a file in it and a folder")
    spelled: dict[str, str] = {}
    for path in (*files, *folders):
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            name = "/".join(parts[:depth])
            known = spelled.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
            if known != name:
                raise _refusal(use, f"{known!r} and {name!r} are one name where case does not count")


def check_zip(archive: zipfile.ZipFile, *, size_bytes: int, use: str) -> None:
    """Refuse members that a reader could not take at their word; no member is opened.

    Args:
        archive: An open zip.
        size_bytes: Of the whole archive.
        use: What it is, as it should stand in a message.

    Raises:
        InvalidInputError: A member is encrypted, packed by an unusual method, a link or device, or
            shares bytes with another.
    """
    members = sorted(archive.infolist(), key=lambda info: info.header_offset)
    for info in members:
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise _refusal(use, f"{info.filename!r} is a link or a device")
        if info.flag_bits & _ENCRYPTED or info.compress_type not in _PLAIN_METHODS:
            raise _refusal(use, f"{info.filename!r} is encrypted, or packed by a method other than deflate")
        if info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size:
            raise _refusal(use, f"{info.filename!r} states two sizes for bytes that are not compressed")
    starts = [*(info.header_offset for info in members), min(archive.start_dir, size_bytes)]
    for info, (start, stop) in zip(members, pairwise(starts), strict=True):
        if start + _LOCAL_HEADER_BYTES + info.compress_size > stop:
            raise _refusal(use, f"{info.filename!r} shares bytes with what follows it, as a zip bomb does")


@contextlib.contextmanager
def open_zip(data: memoryview, *, use: str) -> Iterator[zipfile.ZipFile]:
    """A zip in memory, uncopied; what cannot be read of it is refused in plain words.

    Args:
        data: All of its bytes.
        use: What it is, as it should stand in a message.

    Raises:
        InvalidInputError: It is no zip, or reading it inside the `with` failed.
    """
    with _readable(use), zipfile.ZipFile(BufferFile(data)) as archive:
        yield archive


def _list_zip(
    stream: IO[bytes], opened: contextlib.ExitStack, archive: Path, max_files: int
) -> list[_Member]:
    pack = opened.enter_context(zipfile.ZipFile(stream))
    _check_count(archive, len(pack.infolist()), max_files)
    check_zip(pack, size_bytes=stream.seek(0, io.SEEK_END), use=str(archive))
    return [
        _Member(info.filename.removesuffix("/"), info.file_size, info.is_dir(), _opener(pack, info))
        for info in pack.infolist()
    ]


def _opener(pack: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: pack.open(info)


def _list_tar(
    stream: IO[bytes], opened: contextlib.ExitStack, archive: Path, max_files: int
) -> list[_Member]:
    pack = opened.enter_context(tarfile.TarFile(fileobj=stream))
    members: list[_Member] = []
    end = 0
    for info in pack:
        _check_count(archive, len(members) + 1, max_files)
        if not (info.type in tarfile.REGULAR_TYPES and not info.issparse()) and not info.isdir():
            raise _refusal(str(archive), f"{info.name!r} is a link, a device or a sparse file")
        # A negative size would lead the reader back to what it has read.
        if info.size < 0 or pack.offset <= end:
            raise _refusal(str(archive), f"{info.name!r} states an impossible size")
        end = pack.offset
        if info.isdir() and info.name in {"", "."}:
            continue
        name, size = info.name.removeprefix("./"), 0 if info.isdir() else info.size
        members.append(_Member(name, size, info.isdir(), _tar_opener(pack, info)))
    _check_tar_end(stream, pack, archive)
    return members


def _tar_opener(pack: tarfile.TarFile, info: tarfile.TarInfo) -> Callable[[], IO[bytes] | None]:
    return lambda: pack.extractfile(info)


def _check_tar_end(stream: IO[bytes], pack: tarfile.TarFile, archive: Path) -> None:
    """The reader stops at the first block that is no header: what it did not see must be zeros."""
    stream.seek(pack.offset)
    while block := stream.read(_READ_BYTES):
        if block.count(0) != len(block):
            raise _refusal(str(archive), "a block in it is no tar header, or something follows its end")


def _check_count(archive: Path, count: int, max_files: int) -> None:
    if count > max_files:
        raise _refusal(str(archive), f"it may hold {max_files:,} files and folders, it holds more")


def _check_total(archive: Path, files: Sequence[_Member], max_bytes: int) -> None:
    total = sum(member.size_bytes for member in files)
    if total > max_bytes:
        raise _refusal(str(archive), f"its files may have {max_bytes:,} bytes, they state {total:,}")


def _write_member(folder: Path, member: _Member, archive: Path) -> None:
    path = folder / member.path
    if member.is_folder:
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    source = member.open()
    assert source is not None, "links were refused, so a file has contents"
    size = 0
    with source, os.fdopen(os.open(path, _WRITE_FLAGS, 0o644), "wb") as written:
        while size <= member.size_bytes and (block := source.read(_READ_BYTES)):
            size += len(block)
            written.write(block)
    if size != member.size_bytes:
        raise _refusal(str(archive), f"{member.path!r} states {member.size_bytes:,} bytes, it has others")


@contextlib.contextmanager
def _readable(use: str) -> Iterator[None]:
    try:
        yield
    except InvalidInputError:
        raise
    except _UNREADABLE as error:
        raise _refusal(use, f"it cannot be read as a plain tar or a zip ({error})") from error


def _refusal(use: str, what: str) -> InvalidInputError:
    return InvalidInputError(
        f"{use} must not be unpacked: {what}; get it again from whom you trust, nothing was written"
    )
