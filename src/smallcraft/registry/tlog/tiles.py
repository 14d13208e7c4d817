"""The log as tiles on disk: hashes in rows of 256, entries in bundles (C2SP tlog-tiles, height 8).

Holds which files a log is made of and what they say; reading and writing them belongs to the caller.
Always: an append gives whole new files and changes none; a tile is believed only after its hash stood
in the tile above it, and the last tile of each level only under the root of the checkpoint.
Covered: altered, shortened, missing tiles and bundles, wherever they are read.
Not covered: naming the first damage of a whole log (`tlog.damage`), and whose root it is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.registry.tlog import tree

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
BUNDLE_LEVEL = -1
ENTRY_LIMIT_BYTES = (1 << 16) - 1

_LENGTH_BYTES = 2
_PYRAMIDS_KEPT = 128
_BUNDLES_KEPT = 4

Read = Callable[[str], bytes]
"""Bytes of a file below `log/`; raises NotFoundError, FileNotFoundError or KeyError where there is none."""

Pyramid = tuple[tuple[bytes, ...], ...]
"""A tile's own hashes, and above them the inner nodes that they complete, row by row."""


@dataclass(frozen=True, order=True)
class Tile:
    """Where a row of hashes, or a bundle of entries, stands.

    Attributes:
        level: 0 holds leaf hashes, each further level the roots of full tiles; `BUNDLE_LEVEL` entries.
        index: Place in its level, from 0.
        width: 1 to 256; fewer than 256 make a partial tile.
    """

    level: int
    index: int
    width: int

    @property
    def path(self) -> str:
        """Where it lies below `log/`.

        >>> Tile(0, 1234067, 8).path
        'tile/0/x001/x234/067.p/8'
        """
        rest, last = divmod(self.index, 1000)
        parts = [f"{last:03d}"]
        while rest:
            rest, digits = divmod(rest, 1000)
            parts.insert(0, f"x{digits:03d}")
        level = "entries" if self.level == BUNDLE_LEVEL else str(self.level)
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(parts)}{partial}"

    @property
    def candidates(self) -> Iterator[Tile]:
        """Tiles that answer for this one: itself, the full one, then wider partial ones."""
        yield self
        if self.width < TILE_WIDTH:
            yield Tile(self.level, self.index, TILE_WIDTH)
        for width in range(self.width + 1, TILE_WIDTH):
            yield Tile(self.level, self.index, width)


@dataclass(frozen=True)
class Stored:
    """A file of the log as it was found.

    Attributes:
        data: Its bytes.
        tile: What it is: the tile that was asked for, or a wider one of the same index.
    """

    data: bytes
    tile: Tile


@dataclass(frozen=True)
class Bundle:
    """What the bytes of a bundle hold.

    Attributes:
        entries: The whole ones.
        left: Bytes behind them that make none.
    """

    entries: tuple[bytes, ...]
    left: bytes


@dataclass(frozen=True)
class Appended:
    """What an append asks to be written, before the checkpoint that makes it true.

    Attributes:
        files: Path below `log/` to bytes; none of them was there before with other bytes.
        superseded: Partial tiles and bundles that a wider file replaces; readers look for the wider one.
        size: Entries after it.
        root: The root over them.
    """

    files: Mapping[str, bytes]
    superseded: tuple[str, ...]
    size: int
    root: bytes


class TileLog:
    """A log read lazily from its tiles.

    Attributes:
        size: Entries.
    """

    def __init__(self, read: Read, size: int, *, root: bytes | None = None) -> None:
        """Open the log at a size.

        Args:
            read: Gives the bytes of a path below `log/`.
            size: Entries, as the checkpoint says.
            root: As the checkpoint says; None trusts the last tile of each level as it is.

        Raises:
            IntegrityError: The tiles have another root, or one of them cannot be read.
        """
        self.size = size
        self._read = read
        self._pyramid = functools.lru_cache(maxsize=_PYRAMIDS_KEPT)(self._load)
        self._bundle = functools.lru_cache(maxsize=_BUNDLES_KEPT)(self._load_bundle)
        if root is not None and self.root() != root:
            raise IntegrityError(
                f"the log's tiles do not have the root that its checkpoint says for {size} entries: "
                f"wanted {short(root)}, got {short(self.root())}; do not serve from it, "
                "run `smallcraft verify` to see what is broken"
            )

    def root(self) -> bytes:
        """The root over all entries."""
        return tree.frontier_of(self.size, self.node).root

    def node(self, level: int, index: int) -> bytes:
        """Root of the full subtree over leaves `index << level` to `(index + 1) << level`."""
        tile_level, row = divmod(level, TILE_HEIGHT)
        in_tile = TILE_HEIGHT - row
        return self._pyramid(tile_level, index >> in_tile)[row][index & ((1 << in_tile) - 1)]

    def leaf_hashes(self, index: int) -> tuple[bytes, ...]:
        """The hashes of tile `index` of level 0: of entries `256 * index` and on."""
        return self._pyramid(0, index)[0]

    def entry(self, index: int) -> bytes:
        """Entry `index` (from 0), checked against its leaf hash.

        Raises:
            InvalidInputError: There is none.
            IntegrityError: It is not stored, or not as it was recorded.
        """
        self._check_index(index)
        bundle, place = divmod(index, TILE_WIDTH)
        data = self._bundle(bundle)[place]
        check_leaf(data, recorded=self.leaf_hashes(bundle)[place], number=index + 1)
        return data

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Entries from `start` to before `stop`, each checked as by `entry`."""
        for index in range(start, self.size if stop is None else stop):
            yield self.entry(index)

    def inclusion(self, index: int) -> tuple[bytes, ...]:
        """Proof that entry `index` (from 0) is in this log.

        Raises:
            InvalidInputError: There is none.
        """
        return tree.inclusion_proof(index, self.size, self.node)

    def consistency(self, old_size: int) -> tuple[bytes, ...]:
        """Proof that this log continues the one of its first `old_size` entries.

        Raises:
            InvalidInputError: It never had that size.
        """
        return tree.consistency_proof(old_size, self.size, self.node)

    def append(self, entries: Sequence[bytes]) -> Appended:
        """What to write so that these entries follow; this log itself stays as it is.

        Raises:
            InvalidInputError: An entry is longer than a bundle can hold.
            IntegrityError: The entries that share a bundle with them are not as recorded.
        """
        size = self.size + len(entries)
        files, superseded = {}, []
        for tile, data in self._new_tiles(entries):
            files[tile.path] = data
            before = _count_at(self.size, max(tile.level, 0)) - tile.index * TILE_WIDTH
            if 0 < before < TILE_WIDTH:
                superseded.append(Tile(tile.level, tile.index, before).path)
        grown = TileLog(lambda path: files[path] if path in files else self._read(path), size)
        return Appended(files, tuple(superseded), size, grown.root())

    def _new_tiles(self, entries: Sequence[bytes]) -> Iterator[tuple[Tile, bytes]]:
        if not entries:
            return
        shared = self.size % TILE_WIDTH
        before = list(self.entries(self.size - shared, self.size))
        for first, part in _chunks([*before, *entries]):
            yield Tile(BUNDLE_LEVEL, self.size // TILE_WIDTH + first, len(part)), encode_bundle(part)
        level, start, hashes = 0, self.size, [tree.leaf_hash(data) for data in entries]
        while hashes:
            index, shared = divmod(start, TILE_WIDTH)
            known = self._pyramid(level, index)[0] if shared else ()
            full = []
            for first, row in _chunks([*known, *hashes]):
                yield Tile(level, index + first, len(row)), b"".join(row)
                if len(row) == TILE_WIDTH:
                    full.append(pyramid_of(row)[-1][0])
            level, start, hashes = level + 1, index, full

    def _load(self, level: int, index: int) -> Pyramid:
        width = min(TILE_WIDTH, _count_at(self.size, level) - index * TILE_WIDTH)
        tile = Tile(level, index, width)
        stored = read_tile(self._read, tile)
        data, source = stored.data, stored.tile
        if len(data) != source.width * tree.HASH_BYTES:
            raise IntegrityError(
                f"log/{source.path}: a tile of {source.width} hashes must have "
                f"{source.width * tree.HASH_BYTES} bytes, got {len(data)}; restore the log from a copy"
            )
        starts = range(0, width * tree.HASH_BYTES, tree.HASH_BYTES)
        pyramid = pyramid_of([data[at : at + tree.HASH_BYTES] for at in starts])
        if width == TILE_WIDTH and pyramid[-1][0] != self.node((level + 1) * TILE_HEIGHT, index):
            raise IntegrityError(
                f"log/{source.path}: the tile does not match the hash that the tile above it holds: wanted "
                f"{short(self.node((level + 1) * TILE_HEIGHT, index))}, got {short(pyramid[-1][0])}; "
                "restore the log from a copy"
            )
        return pyramid

    def _load_bundle(self, index: int) -> tuple[bytes, ...]:
        width = min(TILE_WIDTH, self.size - index * TILE_WIDTH)
        stored = read_tile(self._read, Tile(BUNDLE_LEVEL, index, width))
        return decode_bundle(stored.data, stored.tile)[:width]

    def _check_index(self, index: int) -> None:
        if not 0 <= index < self.size:
            raise InvalidInputError(
                f"the log has {self.size} entries, so an index is from 0 to {self.size - 1}, got {index}"
            )


def read_tile(read: Read, tile: Tile) -> Stored:
    """A tile, or a wider one of the same index.

    Raises:
        IntegrityError: None is stored.
    """
    for candidate in tile.candidates:
        try:
            return Stored(read(candidate.path), candidate)
        except (NotFoundError, FileNotFoundError, KeyError):
            continue
    what = "its entries are" if tile.level == BUNDLE_LEVEL else "its hashes are"
    first = (tile.index << TILE_HEIGHT * max(tile.level + 1, 1)) + 1
    raise IntegrityError(
        f"log/{tile.path}: the checkpoint covers this tile, but {what} not stored, from entry {first} on; "
        "restore the log from a copy"
    )


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Entries, each behind its length in two bytes, big-endian.

    Raises:
        InvalidInputError: One is too long for that.
    """
    longest = max(map(len, entries), default=0)
    if longest > ENTRY_LIMIT_BYTES:
        raise InvalidInputError(
            f"an entry of a tile log must have at most {ENTRY_LIMIT_BYTES} bytes, got {longest}; "
            "store it as a blob and log its digest"
        )
    return b"".join(len(data).to_bytes(_LENGTH_BYTES, "big") + data for data in entries)


def decode_bundle(data: bytes, tile: Tile) -> tuple[bytes, ...]:
    """The entries of a bundle.

    Raises:
        IntegrityError: Entries are missing or cut, or bytes are left over; the first is named.
    """
    bundle = split_bundle(data)
    entries, left = bundle.entries, bundle.left
    number = tile.index * TILE_WIDTH + len(entries) + 1
    if len(entries) < tile.width:
        what = f"entry {number} is {'cut short' if left else 'missing'}"
        raise IntegrityError(f"log/{tile.path}: {what}; restore the log from a copy")
    if left or len(entries) > tile.width:
        raise IntegrityError(
            f"log/{tile.path}: bytes stand behind entry {tile.index * TILE_WIDTH + tile.width}, its last "
            "one; restore the log from a copy"
        )
    return entries


def split_bundle(data: bytes) -> Bundle:
    """The whole entries of a bundle, however many, and what is left."""
    entries, at = [], 0
    while (start := at + _LENGTH_BYTES) <= len(data):
        stop = start + int.from_bytes(data[at:start], "big")
        if stop > len(data):
            break
        entries.append(data[start:stop])
        at = stop
    return Bundle(tuple(entries), data[at:])


def check_leaf(data: bytes, *, recorded: bytes, number: int) -> None:
    """The entry is the one whose leaf hash the log recorded.

    Raises:
        IntegrityError: It is not.
    """
    if tree.leaf_hash(data) != recorded:
        raise IntegrityError(
            f"entry {number} does not match its stored bytes: log says {short(recorded)}, file has "
            f"{short(tree.leaf_hash(data))}; do not serve this release or a later one, "
            "restore the log from a copy"
        )


def pyramid_of(hashes: Sequence[bytes]) -> Pyramid:
    """The hashes of a tile, and the rows of inner nodes over each whole pair of them."""
    rows = [tuple(hashes)]
    while len(rows[-1]) > 1:
        row = rows[-1]
        rows.append(tuple(tree.node_hash(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)))
    return tuple(rows)


def short(digest: bytes) -> str:
    """A hash for people, cut to twelve digits.

    >>> short(bytes(32))
    'sha256 000000000000...'
    """
    return f"sha256 {digest.hex()[:12]}..."


def _count_at(size: int, level: int) -> int:
    """How many hashes level `level` of the tiles has."""
    return size >> TILE_HEIGHT * level


def _chunks(items: list[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    for first in range(0, len(items), TILE_WIDTH):
        yield first // TILE_WIDTH, items[first : first + TILE_WIDTH]


def empty_log() -> TileLog:
    """A log without entries: it has no tile to read."""

    def read(path: str) -> bytes:
        raise FileNotFoundError(path)

    return TileLog(read, 0)
