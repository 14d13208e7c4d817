"""Many small files as one blob: a plain tar in path order, and an index that finds each file in it.

Leaves to others: which manifest names the two (`registry.manifests`), and their way to the disk
(`content.staging`).
Always: equal files give an equal pack and an equal index; `tar xf` opens a pack; a file read out of one
is hashed; each file is hashed once and the pack once while it is written.
Covered: an index that points outside the pack, or differs from the tar's own headers (`check_pack`).
Not covered: modes, owners and times; a pack has none.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from smallcraft.canonical import canonical_json, digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.content.staging import Block, Staging, read_blocks
from smallcraft.registry.content.ustar import BLOCK_BYTES, END, LARGEST_BYTES, member_header, padding
from smallcraft.registry.manifests.manifest import check_paths
from smallcraft.registry.tlog.entry import Content

FROM_COUNT = 1000
SMALL_BYTES = 1 << 20
INDEX_FORMAT = 1

_WRITE_BYTES = 1 << 16
_READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_FILE_KEYS = {"digest", "offset", "path", "size"}


@dataclass(frozen=True)
class PackPlan:
    """Which files go into a pack and which stay blobs of their own, both in path order."""

    packed: tuple[str, ...]
    loose: tuple[str, ...]


@dataclass(frozen=True)
class PackedFile:
    """A file inside a pack: `size_bytes` bytes from `offset` on."""

    path: str
    offset: int
    size_bytes: int
    digest: str


@dataclass(frozen=True)
class PackIndex:
    """What a pack holds, in path order; `pack` is the blob it speaks of."""

    pack: Content
    files: tuple[PackedFile, ...]


@dataclass(frozen=True)
class Pack:
    """A staged pack and its staged index."""

    pack: Content
    index: Content
    files: tuple[PackedFile, ...]


def plan_pack(
    files: Mapping[str, Path | bytes], *, from_count: int = FROM_COUNT, small_bytes: int = SMALL_BYTES
) -> PackPlan:
    """Choose the small files, when they are many.

    Args:
        files: Path in the release to a file or its bytes.
        from_count: With no more small files than this, nothing is packed.
        small_bytes: The largest file that counts as small.

    Raises:
        InvalidInputError: A file is missing.
    """
    paths = sorted(files)
    small = {path for path in paths if _size_of(files[path]) <= small_bytes}
    if len(small) <= from_count:
        return PackPlan((), tuple(paths))
    return PackPlan(tuple(p for p in paths if p in small), tuple(p for p in paths if p not in small))


def write_pack(files: Mapping[str, Path | bytes], staging: Staging) -> Pack:
    """Stage files as one pack, and its index. Each file is held in memory for a moment.

    Args:
        files: Path in the release to a file or its bytes.
        staging: Where both go; not yet durable.

    Raises:
        InvalidInputError: A path that could leave its folder; a source that `Staging.add` refuses.
    """
    check_paths(files)
    packed: list[PackedFile] = []
    pack = staging.add_blocks(_gathered(_tar_pieces(files, packed)))
    index = staging.add(encode_index(PackIndex(pack, tuple(packed))))
    return Pack(pack, index, tuple(packed))


def encode_index(index: PackIndex) -> bytes:
    """Canonical JSON of an index."""
    files = [
        {"path": file.path, "offset": file.offset, "size": file.size_bytes, "digest": file.digest}
        for file in index.files
    ]
    pack = {"digest": index.pack.digest, "size": index.pack.size_bytes}
    return canonical_json({"format": INDEX_FORMAT, "pack": pack, "files": files})


def parse_index(data: bytes, *, use: str = "the pack's index") -> PackIndex:
    """Read what `encode_index` wrote.

    Args:
        data: Bytes that were already checked against their digest.
        use: What they are for, as it should stand in a message.

    Raises:
        IntegrityError: They are no index, or one that points outside its pack or twice at a byte.
    """
    try:
        value = json.loads(data)
        _check_format_number(value["format"])
        pack = Content(_digest(value["pack"]["digest"]), _count(value["pack"]["size"]))
        files = tuple(_packed_file(item) for item in value["files"])
        check_paths(file.path for file in files)
        _check_places(files, pack.size_bytes)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise IntegrityError(
            f"{use} must list the files of a pack, but cannot be used ({error}); do not use this release, "
            "restore the index from a copy"
        ) from error
    return PackIndex(pack, files)


def read_packed(pack: Path, file: PackedFile) -> bytes:
    """One file out of a pack; the bytes returned are the bytes that were hashed.

    Raises:
        IntegrityError: The pack is missing, a link, too short, or holds other bytes there.
    """
    opened = _open_pack(pack)
    try:
        data = _read_at(opened, file.offset, file.size_bytes)
    finally:
        os.close(opened)
    _check_file(pack, file, data)
    return data


def check_pack(pack: Path, index: PackIndex) -> None:
    """Read a pack once and check all of it: its digest, each file's, and every byte between them.

    Raises:
        IntegrityError: The first thing that differs from what the index makes of its files.
    """
    hasher, at = hashlib.sha256(), 0
    opened = _open_pack(pack)
    try:
        for file in index.files:
            header = padding(at) + member_header(file.path, file.size_bytes)
            if file.offset - at != len(header) or _read_at(opened, at, len(header)) != header:
                raise _pack_error(pack, f"the tar header before {file.path!r} is not the index's")
            data = _read_at(opened, file.offset, file.size_bytes)
            _check_file(pack, file, data)
            hasher.update(header)
            hasher.update(data)
            at = file.offset + file.size_bytes
        end = _read_at(opened, at, BLOCK_BYTES + len(END) + 1)
    finally:
        os.close(opened)
    if end != padding(at) + END:
        raise _pack_error(pack, "something else than the end of a tar follows its last file")
    hasher.update(end)
    found = Content("sha256:" + hasher.hexdigest(), at + len(end))
    if found != index.pack:
        raise _pack_error(pack, f"its index speaks of {index.pack.digest}, the pack is {found.digest}")


def _tar_pieces(files: Mapping[str, Path | bytes], packed: list[PackedFile]) -> Iterator[Block]:
    """The tar's bytes in order; `packed` grows by each file that they hold."""
    at = 0
    for path in sorted(files):
        source = files[path]
        data = source if isinstance(source, bytes) else b"".join(read_blocks(source))
        if len(data) > LARGEST_BYTES:
            raise InvalidInputError(
                f"{path} is too large for a pack ({len(data):,} bytes); store it on its own"
            )
        header = member_header(path, len(data))
        at += len(header)
        packed.append(PackedFile(path, at, len(data), digest_bytes(data)))
        at += len(data)
        rest = padding(at)
        at += len(rest)
        yield from (header, data, rest)
    yield END


def _gathered(pieces: Iterable[Block]) -> Iterator[Block]:
    """The same bytes in blocks worth a system call each; a large piece is passed on uncopied."""
    waiting = bytearray()
    for piece in pieces:
        if len(waiting) + len(piece) < _WRITE_BYTES:
            waiting += piece
            continue
        yield bytes(waiting)
        yield piece
        waiting.clear()
    yield bytes(waiting)


def _size_of(source: Path | bytes) -> int:
    if isinstance(source, bytes):
        return len(source)
    try:
        found = source.lstat()
    except OSError as error:
        raise InvalidInputError(
            f"{source} cannot be stored ({error.strerror}); name a file that is there"
        ) from error
    if not stat.S_ISREG(found.st_mode):
        raise InvalidInputError(
            f"{source} must be a plain file, not a link or a folder; pass the file itself"
        )
    return found.st_size


def _check_format_number(value: object) -> None:
    if value != INDEX_FORMAT:
        raise ValueError(f"format {INDEX_FORMAT} expected, it is {value!r}")


def _packed_file(item: dict[str, Any]) -> PackedFile:
    if set(item) != _FILE_KEYS or not isinstance(item["path"], str):
        raise ValueError(f"each file must state {', '.join(sorted(_FILE_KEYS))}, one states {sorted(item)}")
    return PackedFile(
        item["path"], _count(item["offset"]), _count(item["size"], LARGEST_BYTES), _digest(item["digest"])
    )


def _count(value: object, largest: int = 2**53) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= largest:
        raise ValueError(f"a whole number of bytes expected, it says {value!r}")
    return value


def _digest(value: object) -> str:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise ValueError(f"a digest 'sha256:<64 hex digits>' expected, it says {value!r}")
    return value


def _check_places(files: Sequence[PackedFile], pack_bytes: int) -> None:
    """Every file inside the pack, behind the one before it, in path order."""
    for before, after in pairwise(files):
        if before.path >= after.path:
            raise ValueError(f"{after.path!r} stands behind {before.path!r}, against path order")
        if before.offset + before.size_bytes > after.offset:
            raise ValueError(f"{after.path!r} overlaps {before.path!r}")
    if files and files[-1].offset + files[-1].size_bytes > pack_bytes:
        raise ValueError(f"{files[-1].path!r} ends past the {pack_bytes} bytes of its pack")


def _open_pack(pack: Path) -> int:
    try:
        opened = os.open(pack, _READ_FLAGS)
    except OSError as error:
        raise _pack_error(pack, f"it cannot be read as a plain file ({error.strerror})") from error
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise _pack_error(pack, "it is no plain file")
    return opened


def _read_at(opened: int, offset: int, size: int) -> bytes:
    """At most `size` bytes; fewer where the file ends. The file's own end bounds what is asked for."""
    size = min(size, max(0, os.fstat(opened).st_size - offset))
    data = os.pread(opened, size, offset)
    while len(data) < size and (more := os.pread(opened, size - len(data), offset + len(data))):
        data += more
    return data


def _check_file(pack: Path, file: PackedFile, data: bytes) -> None:
    found = digest_bytes(data)
    if (found, len(data)) != (file.digest, file.size_bytes):
        raise _pack_error(
            pack,
            f"{file.path!r} should have {file.size_bytes} bytes with {file.digest}, the pack has "
            f"{len(data)} with {found}",
        )


def _pack_error(pack: Path, what: str) -> IntegrityError:
    return IntegrityError(
        f"pack {pack.name} does not match its record: {what}; do not use it, restore it from a copy"
    )
