"""What a process was answering when it died: fingerprints in a small file that outlives it.

Written through shared memory, so that a request pays no system call and kill -9 loses nothing (a power cut
does, and needs no culprit). Whoever finds a process dead, or at one batch for too long, reads it.
Leaves to others: what follows for a request that was under way (`router.quarantine`).
Always: a batch is in the file before its first row is answered.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Since when, how many, and the fingerprints; those of a batch are never more.
MOST_IN_A_BATCH = 16
_HEADER = struct.Struct("<dQ")
_SINCE = struct.Struct("<d")
_BYTES = _HEADER.size + 8 * MOST_IN_A_BATCH
_HEADERS = tuple(struct.Struct(f"<dQ{count}Q") for count in range(MOST_IN_A_BATCH + 1))


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What a process was at.

    Attributes:
        since: Monotonic seconds at which it began; 0 while it was idle.
        fingerprints: Of the requests of its batch; none while it was idle.
    """

    since: float
    fingerprints: tuple[int, ...]


class BlackBox:
    """Keeps what is under way in a file, from its first batch to its last.

    Args:
        path: The file, made anew.
    """

    def __init__(self, path: Path) -> None:
        with path.open("w+b") as file:
            file.truncate(_BYTES)
            self._map = mmap.mmap(file.fileno(), _BYTES)

    def begin(self, fingerprints: Sequence[int], *, now: float) -> None:
        """A batch begins; of a longer one the first are kept."""
        kept = fingerprints[:MOST_IN_A_BATCH]
        _HEADERS[len(kept)].pack_into(self._map, 0, now, len(kept), *kept)

    def end(self) -> None:
        """It is answered."""
        _SINCE.pack_into(self._map, 0, 0.0)


def unread_box() -> BlackBox:
    """A black box in a file without a name, for a process whose death nobody on its machine looks into."""
    handle, path = tempfile.mkstemp(prefix="smallcraft-")
    os.close(handle)
    try:
        return BlackBox(Path(path))
    finally:
        Path(path).unlink()


def read_under_way(path: Path) -> UnderWay:
    """What a process is, or was, at; nothing where it has no file, or none that is whole."""
    try:
        data = path.read_bytes()
    except OSError:
        return UnderWay(0.0, ())
    if len(data) != _BYTES:
        return UnderWay(0.0, ())
    since, count = _HEADER.unpack_from(data)
    if since == 0.0 or count > MOST_IN_A_BATCH:
        return UnderWay(0.0, ())
    return UnderWay(since, _HEADERS[count].unpack_from(data)[2:])
