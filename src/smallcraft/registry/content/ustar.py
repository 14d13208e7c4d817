"""The headers of a tar, written so that equal files give equal bytes for ever.

Leaves to others: which files a tar holds and in which order (`content.packs`).
Always: mode 0644, time, user and group 0; a path past 100 bytes or outside ASCII gets an extended header.
Not covered: files of 8 GiB and more; whoever packs leaves those alone. The standard library would write
headers too, but other bytes from one Python version to another (3.8 and 3.9 differ).

Source:
    POSIX.1-2001, pax interchange format and ustar header block.
"""

from __future__ import annotations

BLOCK_BYTES = 512
LARGEST_BYTES = 8**11 - 1
END = bytes(2 * BLOCK_BYTES)

_NAME_BYTES = 100


def member_header(path: str, size_bytes: int) -> bytes:
    """What stands before a file's bytes.

    Args:
        path: Its path, with `/` between names.
        size_bytes: At most `LARGEST_BYTES`.
    """
    assert 0 <= size_bytes <= LARGEST_BYTES, "whoever packs a file has looked at its size"
    name = path.encode("utf-8")
    if len(name) <= _NAME_BYTES and name.isascii():
        return _ustar(name, size_bytes, b"0")
    record = _pax_record(b"path", name)
    extended = _ustar(b"././@PaxHeader", len(record), b"x") + record + padding(len(record))
    return extended + _ustar(path.encode("ascii", "replace")[:_NAME_BYTES], size_bytes, b"0")


def _ustar(name: bytes, size: int, kind: bytes) -> bytes:
    mode = b"%07o\0" % (0o644 if kind == b"0" else 0)
    start = name.ljust(_NAME_BYTES, b"\0") + mode + b"0000000\0" * 2 + b"%011o\0" % size + b"00000000000\0"
    end = (kind + bytes(100) + b"ustar\x0000").ljust(BLOCK_BYTES - len(start) - 8, b"\0")
    checksum = sum(start) + 8 * ord(" ") + sum(end)
    return start + b"%06o\0 " % checksum + end


def _pax_record(key: bytes, value: bytes) -> bytes:
    """`<length> key=value`, where the length counts its own digits."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest)
    while length != len(rest) + len(str(length)):
        length = len(rest) + len(str(length))
    return b"%d" % length + rest


def padding(at: int) -> bytes:
    """Zeros from byte `at` to the next block."""
    return bytes(-at % BLOCK_BYTES)
