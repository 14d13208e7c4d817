"""What a committed state of a bucket still has to be written as: one object, made durable before the commit.

Several writers share a bucket, and none can lock it. So a tile gets its name only after the checkpoint that
covers it is committed, when its content can be no other; until then it stands in the journal of that
checkpoint. Whoever finds a journal finishes it, and two who do write the same bytes.
Always: a journal is named by the checkpoint it belongs to; only tiles of its size are read from it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass

from smallcraft.canonical import canonical_json, digest_bytes
from smallcraft.errors import IntegrityError
from smallcraft.registry.verify.registry import tile_paths

JOURNALS = "log/pending"

_FORMAT = 1


@dataclass(frozen=True)
class Journal:
    """What follows a commit.

    Attributes:
        size: Entries of the log.
        tiles: By path below `log/`.
        policy: Whose keys the log claims.
        index: `index.json`.
    """

    size: int
    tiles: Mapping[str, bytes]
    policy: bytes
    index: bytes


def journal_path(checkpoint: bytes) -> str:
    """Where the journal of a checkpoint stands."""
    return f"{JOURNALS}/{digest_bytes(checkpoint).removeprefix('sha256:')}"


def encode_journal(journal: Journal) -> bytes:
    """As JSON, bytes in base64."""
    return canonical_json(
        {
            "v": _FORMAT,
            "size": journal.size,
            "tiles": {path: _text(data) for path, data in journal.tiles.items()},
            "policy": _text(journal.policy),
            "index": _text(journal.index),
        }
    )


def parse_journal(data: bytes, *, name: str) -> Journal:
    """Read a journal.

    Raises:
        IntegrityError: It is none.
    """
    try:
        value = json.loads(data)
        if value["v"] != _FORMAT:
            raise ValueError(f"format {value['v']!r}")  # noqa: TRY301 - one message for all
        size = int(value["size"])
        tiles = {str(path): _bytes(text) for path, text in dict(value["tiles"]).items()}
        strange = sorted(set(tiles) - tile_paths(size))
        if strange:
            raise ValueError(f"a tile {strange[0]!r} of {size} entries")  # noqa: TRY301
        return Journal(size, tiles, _bytes(value["policy"]), _bytes(value["index"]))
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
        raise IntegrityError(
            f"{name} is not what a writer leaves ({error}); delete it, then push again from a registry that "
            "is whole"
        ) from error


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: object) -> bytes:
    if not isinstance(text, str):
        raise TypeError(f"{text!r} is no text")
    return base64.b64decode(text, validate=True)
