"""A buffer as a file: to seek and read in without the copy that `io.BytesIO` makes.

Leaves to others: what the bytes mean.
Always: reads like `io.BytesIO`, but sets no memory aside for more than there is.
"""

from __future__ import annotations

import io

_LINE_BYTES = 256


class BufferFile(io.RawIOBase):
    """A buffer as a file to seek in, without the copy that `io.BytesIO` makes."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to a position; one that is before the first byte, seen from elsewhere, is the first byte."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._data)}[whence]
        if whence == io.SEEK_SET and offset < 0:
            raise ValueError(f"no position is before the first byte, got {offset}")
        self._at = max(0, origin + offset)
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        """At most `size` bytes; no more are set aside than there are, whatever size a file states."""
        stop = len(self._data) if size is None or size < 0 else self._at + size
        found = bytes(self._data[self._at : stop])
        self._at += len(found)
        return found

    def readline(self, size: int | None = -1, /) -> bytes:
        """Bytes up to a line's end, at most `size`."""
        start, line = self._at, b""
        stop = len(self._data) if size is None or size < 0 else start + size
        while b"\n" not in line and (more := bytes(self._data[self._at : min(stop, self._at + _LINE_BYTES)])):
            line += more
            self._at += len(more)
        line = line[: line.find(b"\n") + 1] or line
        self._at = start + len(line)
        return line
