"""Pieces of a table: what one worker reads by itself, named so that any machine that sees the files can.

    location (file, folder, glob, object store) -> files -> pieces, numbered in order

Leaves to others: where a file may be cut (`partitions.cutting`), reading (`partitions.reading`).
Always: pieces hold every row once; the same files give the same pieces, whoever reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smallcraft.data.formats import file_format, find_files
from smallcraft.data.partitions.cutting import PART_BYTES, Part, cut_file
from smallcraft.data.partitions.places import PIECE_BITS
from smallcraft.data.partitions.stores import StoredObject, is_address, list_objects


@dataclass(frozen=True)
class Piece:
    """What one worker reads by itself.

    Attributes:
        number: Its place in the table, from 0.
        path: The file; None for an object of a store.
        part: Which part of the file; None for all of it, cut by its reader: an object, or compressed text.
        stored: The object.
        part_bytes: About how large a part is where its reader cuts.
    """

    number: int
    path: Path | None
    part: Part | None
    stored: StoredObject | None = None
    part_bytes: int = PART_BYTES

    @property
    def source(self) -> str:
        """What messages call the file."""
        if self.stored is not None:
            return self.stored.address
        assert self.path is not None, "a piece is of a file or of an object"
        return str(self.path)


def find_pieces(location: str | Path, *, part_bytes: int = PART_BYTES) -> list[Piece]:
    """The pieces of a table.

    Args:
        location: A file, a folder, a glob, or an address of an object store.
        part_bytes: About how large a piece is in memory.

    Raises:
        DataError: Nothing is there, or a file is not what its suffix says.
        MissingPartError: An object store without the extra `[scale]`.
    """
    places: list[tuple[Path | None, Part | None, StoredObject | None]] = []
    if is_address(location):
        places += [(None, None, stored) for stored in list_objects(str(location))]
    else:
        for path in find_files(location):
            whole = path.absolute()
            parts = [None] if file_format(path).is_gzipped else cut_file(whole, part_bytes=part_bytes)
            places += [(whole, part, None) for part in parts]
    return [Piece(number, *place, part_bytes) for number, place in enumerate(places)]


def locate_row(pieces: Sequence[Piece], at: int) -> str:
    """Names a row for people.

    Args:
        pieces: Of its table.
        at: Its place.
    """
    piece, row = pieces[at >> PIECE_BITS], (at & ((1 << PIECE_BITS) - 1)) + 1
    part = piece.part
    if part is None or not part.start:
        return f"{piece.source}, row {row:,}"
    if not part.first_line:
        return f"{piece.source}, row {part.start + row:,}"
    return f"{piece.source}, row {row:,} from line {part.first_line:,} on"
