"""Keys of more rows than fit in memory: in files on this disk by their digests, read back a part at a time.

Leaves to others: what a key is and what is counted of it.
Always: keys with one digest are read in one part, whichever buckets they are in; a part is about as large as
is said, however many keys there are (unless so many have one digest).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILES = 256
# Of one part, in memory.
PART_BYTES = 16 << 20
_FILE_BITS = 8
_MOST_PARTS_BITS = 16


class Buckets:
    """Files of keys, by the first bits of their digests.

    Args:
        folder: Where they lie; made when it is not there.
        kind: Of a key; its field `high` is the first 64 bits of a digest.
    """

    def __init__(self, folder: Path, kind: np.dtype[np.void]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.kind = kind
        self._paths = [folder / f"{number:03d}" for number in range(FILES)]
        for path in self._paths:
            path.touch()

    def add(self, keys: NDArray[np.void]) -> None:
        """Sort keys into the files; none of them stays open."""
        number = (keys["high"] >> np.uint64(64 - _FILE_BITS)).astype(np.int64)
        order = np.argsort(number, kind="stable")
        ends = np.searchsorted(number[order], np.arange(FILES + 1))
        sorted_keys = keys[order]
        for path, start, stop in zip(self._paths, ends[:-1], ends[1:], strict=True):
            if start < stop:
                with path.open("ab") as file:
                    file.write(sorted_keys[start:stop].tobytes())

    def size_of(self, number: int) -> int:
        """Bytes of one file."""
        return self._paths[number].stat().st_size

    def part(self, number: int, at: int, bits: int) -> NDArray[np.void]:
        """Keys of one file whose next `bits` bits are `at`, in the order in which they were added."""
        if not bits:
            return np.fromfile(self._paths[number], dtype=self.kind)
        kept = [np.empty(0, dtype=self.kind)]
        with self._paths[number].open("rb") as file:
            while read := file.read(PART_BYTES // self.kind.itemsize * self.kind.itemsize):
                keys = np.frombuffer(read, dtype=self.kind)
                following = (keys["high"] << np.uint64(_FILE_BITS)) >> np.uint64(64 - bits)
                kept.append(keys[following == np.uint64(at)])
        return np.concatenate(kept)


def read_parts(*buckets: Buckets, part_bytes: int = PART_BYTES) -> Iterator[tuple[NDArray[np.void], ...]]:
    """The keys of several buckets side by side: in each part, all keys of some digests.

    Args:
        buckets: Nothing is added to them while they are read.
        part_bytes: About how large a part may be.

    Yields:
        For each part the keys of each of the buckets.
    """
    for number in range(FILES):
        size = sum(one.size_of(number) for one in buckets)
        bits = min((max(size - 1, 0) // part_bytes).bit_length(), _MOST_PARTS_BITS)
        for at in range(1 << bits):
            yield tuple(one.part(number, at, bits) for one in buckets)
