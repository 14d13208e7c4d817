"""Which thing in a log is broken first: an entry, a tile, the order, or the checkpoint over them.

Reads everything below a checkpoint; what entries say to each other belongs to `tlog.order`.
Always: a log without damage gives None; what is named is proven by the root wherever the root proves it.
Covered: entries altered, cut, missing, dropped, swapped; tiles altered or missing; a foreign checkpoint.
Not covered: an owner who rebuilt entries, tiles and checkpoint alike: all agree, only a pin or a copy
tells; files that the checkpoint does not cover, which the store sweeps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from smallcraft.errors import IntegrityError
from smallcraft.registry.tlog import tree
from smallcraft.registry.tlog.tiles import (
    BUNDLE_LEVEL,
    TILE_HEIGHT,
    TILE_WIDTH,
    Read,
    Tile,
    TileLog,
    decode_bundle,
    pyramid_of,
    read_tile,
    short,
    split_bundle,
)

What = Literal["entry", "missing", "moved", "tile", "checkpoint"]


@dataclass(frozen=True)
class Broken:
    """The first broken thing of a log.

    Attributes:
        what: Its kind; `moved` is an entry that stands where another belongs.
        number: Of the entry, from 1; None for a tile or the checkpoint.
        path: File below the registry's root.
        message: What was wanted, what is there, what to do.
    """

    what: What
    number: int | None
    path: str
    message: str


def check_tiles(read: Read, size: int, *, root: bytes) -> None:
    """Everything below a checkpoint is as it was committed.

    Raises:
        IntegrityError: Names the first broken thing.
    """
    broken = find_first_broken(read, size, root=root)
    if broken is not None:
        raise IntegrityError(broken.message)


def find_first_broken(read: Read, size: int, *, root: bytes) -> Broken | None:
    """The first broken thing below a checkpoint, or None.

    Steps: (1) hash every stored entry, up to the first gap; (2) entries that have the checkpoint's
    root are proven, so any other difference is a tile's; (3) else the first entry that differs from its
    recorded hash, or that is missing, is named; (4) entries and tiles that agree with each other accuse
    the checkpoint.

    Args:
        read: Gives the bytes of a path below `log/`.
        size: Entries, as the checkpoint says.
        root: As the checkpoint says.
    """
    # (1) stored entries
    leaves: list[bytes] = []
    gap = None
    for tile in _tiles_of_level(size, BUNDLE_LEVEL):
        gap = _read_leaves(read, tile, leaves)
        # A size that was made up must not make the reader search for its entries.
        if gap is not None:
            break
    # (2) proven by the root
    if gap is None and tree.root_of(leaves) == root:
        return _first_broken_tile(read, size, leaves)
    # (3) against what was recorded
    differs = _first_broken_entry(read, size, leaves, root)
    if gap is not None and (differs is None or differs.number is None or differs.number >= (gap.number or 0)):
        return gap
    # (4) nothing differs
    return differs or _foreign_checkpoint(size, wanted=root, got=tree.root_of(leaves))


def _read_leaves(read: Read, tile: Tile, leaves: list[bytes]) -> Broken | None:
    """Add the leaf hashes of what a bundle holds; what is wrong with it, or None."""
    first, path = tile.index * TILE_WIDTH + 1, f"log/{tile.path}"
    try:
        stored = read_tile(read, tile)
    except IntegrityError as error:
        return Broken("missing", first, path, str(error))
    found = [tree.leaf_hash(entry) for entry in split_bundle(stored.data).entries[: tile.width]]
    leaves += found
    try:
        decode_bundle(stored.data, stored.tile)
    except IntegrityError as error:
        what: What = "missing" if len(found) < tile.width else "entry"
        return Broken(what, first + min(len(found), tile.width - 1), path, str(error))
    return None


def _first_broken_tile(read: Read, size: int, leaves: Sequence[bytes]) -> Broken | None:
    """A tile that is not made of these leaf hashes, which are proven."""
    hashes, level = list(leaves), 0
    while hashes:
        full = []
        for tile in _tiles_of_level(size, level):
            row = hashes[tile.index * TILE_WIDTH :][: tile.width]
            try:
                stored = read_tile(read, tile)
            except IntegrityError as error:
                return Broken("tile", None, f"log/{tile.path}", str(error))
            is_whole = len(stored.data) == stored.tile.width * tree.HASH_BYTES
            if not is_whole or not stored.data.startswith(b"".join(row)):
                return _tile_differs(tile, stored.tile)
            if tile.width == TILE_WIDTH:
                full.append(pyramid_of(row)[-1][0])
        hashes, level = full, level + 1
    return None


def _tile_differs(tile: Tile, source: Tile) -> Broken:
    first = (tile.index << TILE_HEIGHT * (tile.level + 1)) + 1
    return Broken(
        "tile",
        None,
        f"log/{source.path}",
        f"log/{source.path}: the tile does not hold the hashes of the entries from {first} on, which match "
        "the checkpoint; the entries are whole, restore this tile from a copy",
    )


def _first_broken_entry(read: Read, size: int, leaves: Sequence[bytes], root: bytes) -> Broken | None:
    try:
        log = TileLog(read, size, root=root)
    except IntegrityError:
        # The last tiles are not the checkpoint's: what they recorded is still the best witness.
        log = TileLog(read, size)
    for first in range(0, len(leaves), TILE_WIDTH):
        tile = Tile(0, first // TILE_WIDTH, min(TILE_WIDTH, size - first))
        try:
            recorded = log.leaf_hashes(tile.index)
        except IntegrityError as error:
            return Broken("tile", None, f"log/{tile.path}", str(error))
        for place, (has, wanted) in enumerate(zip(leaves[first:], recorded, strict=False)):
            if has != wanted:
                return _entry_differs(tile, place, has, recorded)
    return None


def _entry_differs(tile: Tile, place: int, has: bytes, recorded: Sequence[bytes]) -> Broken:
    number = tile.index * TILE_WIDTH + place + 1
    path = f"log/{Tile(BUNDLE_LEVEL, tile.index, tile.width).path}"
    if has in recorded:
        other = tile.index * TILE_WIDTH + recorded.index(has) + 1
        return Broken(
            "moved",
            number,
            path,
            f"entry {number} does not match its stored bytes: log says {short(recorded[place])}, in its "
            f"place stands entry {other}: entries were dropped or reordered; do not serve this release or "
            "a later one, restore the log from a copy",
        )
    message = (
        f"entry {number} does not match its stored bytes: log says {short(recorded[place])}, file has "
        f"{short(has)}; do not serve this release or a later one, restore the log from a copy"
    )
    return Broken("entry", number, path, message)


def _foreign_checkpoint(size: int, *, wanted: bytes, got: bytes) -> Broken:
    return Broken(
        "checkpoint",
        None,
        "log/checkpoint",
        f"log/checkpoint: the {size} stored entries agree with their tiles, but have root {short(got)}, the "
        f"checkpoint says {short(wanted)}: the log was rewritten, or the checkpoint is not its own; "
        "do not serve from it, restore the log and its checkpoint from a copy",
    )


def _tiles_of_level(size: int, level: int) -> Iterator[Tile]:
    count = size >> TILE_HEIGHT * max(level, 0)
    for index in range(-(-count // TILE_WIDTH)):
        yield Tile(level, index, min(TILE_WIDTH, count - index * TILE_WIDTH))
