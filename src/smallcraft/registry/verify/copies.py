"""Checkpoints kept elsewhere: a file of its own, a published card, another registry.

Always: a copy counts only when a key of the log signed it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.registry.content.disk import CHECKPOINT_PATH
from smallcraft.registry.keys.pins import Pin, open_pin
from smallcraft.registry.papers.checking import published_checkpoint

# Origin, size, root, and at least one signature; what the lines say is checked with the log's keys.
NOTE = re.compile("([^\n]+)\n[0-9]+\n[^\n]+\n\n(?:\u2014 [^\n]+\n)+")
_LIMIT_BYTES = 16 << 20


@dataclass(frozen=True)
class Copy:
    """A checkpoint that is kept elsewhere, and where."""

    note: bytes
    source: str


def read_copy(path: Path) -> Copy:
    """The checkpoint in a file: a signed note, or a card that was printed with one; or of another registry.

    Raises:
        NotFoundError: There is no such file.
        InvalidInputError: It holds no checkpoint.
    """
    file = path / CHECKPOINT_PATH if path.is_dir() else path
    if not file.is_file():
        raise NotFoundError(f"no checkpoint at {path}; name a file that holds one, or another registry")
    text = file.read_bytes()[:_LIMIT_BYTES].decode("utf-8", "replace")
    printed = text if NOTE.fullmatch(text) else published_checkpoint(text)
    if printed is None:
        raise InvalidInputError(
            f"{path} holds no checkpoint; name a copy of log/checkpoint, or a card printed by `smallcraft "
            "card`"
        )
    return Copy(printed.encode("utf-8"), str(path))


def pin_of(copy: Copy, keys: Sequence[str]) -> Pin:
    """The copy under the key of the log that signed it.

    Raises:
        IntegrityError: No key of the log did.
    """
    for vkey in keys:
        try:
            return open_pin(copy.note, vkey)
        except IntegrityError:
            continue
    raise IntegrityError(
        f"{copy.source}: no key of this log signed that checkpoint: it is of another log, it was altered, or "
        f"the log was replaced; the log's keys are {', '.join(keys)}"
    )
