"""What a remote must offer: its committed state, bytes by name, and one conditional step to the next state.

Holds the contract and its values; what is carried in which order belongs to `sharing.sending` and
`sharing.fetching`.
Always: a state is there whole before it is committed; `commit` replaces only the state it was made for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError
from smallcraft.registry.content.staging import Block, read_blocks
from smallcraft.registry.manifests.index import Named
from smallcraft.registry.tlog.entry import Content

BLOBS = "blobs/sha256"


@dataclass(frozen=True)
class Head:
    """What is committed at a remote; not checked yet.

    Attributes:
        checkpoint: The signed note.
        policy: Whose keys the log claims.
        token: What the remote tells this state from every other by.
    """

    checkpoint: bytes
    policy: bytes
    token: str


@dataclass(frozen=True)
class Change:
    """The next state of a remote; its blobs are there already.

    Attributes:
        base: The state that it continues; None where there is none.
        checkpoint: Of the next one; the same as that of `base` where only what is derived may have to change.
        policy: Whose keys the log claims from now on.
        size: Entries of the log.
        tiles: New ones, by path below `log/`.
        named: The live manifests, as the index lists them.
        blobs: Every one that a reader of the log may ask for.
        read: Gives the bytes of a small one.
        readme: The card of the newest live release, for remotes that show one; None for none.
    """

    base: Head | None
    checkpoint: bytes
    policy: bytes
    size: int
    tiles: Mapping[str, bytes]
    named: tuple[Named, ...]
    blobs: Collection[Content]
    read: Callable[[Content], bytes]
    readme: bytes | None = None


class Remote(Protocol):
    """A place that holds one registry."""

    @property
    def address(self) -> str:
        """As the user names it."""

    def head(self) -> Head | None:
        """What is committed now; None where nothing ever was.

        Raises:
            IntegrityError: It held a registry and lost its checkpoint.
        """

    def read_tile(self, path: str) -> bytes:
        """Bytes of a tile of the state that `head` gave last; FileNotFoundError where there is none."""

    def sizes(self, digests: Collection[str]) -> Mapping[str, int]:
        """The sizes in bytes of those blobs that are there."""

    def blocks(self, content: Content) -> Iterator[Block]:
        """A blob's bytes as they come, unchecked; FileNotFoundError where there is none."""

    def put_blob(self, content: Content, path: Path) -> None:
        """Store a file's bytes under their digest; what is stored there already is replaced.

        Raises:
            IntegrityError: The file holds other bytes; nothing is stored.
        """

    def commit(self, change: Change) -> bool:
        """Make a change the committed state, and finish whatever an interrupted writer left.

        Returns:
            False where another state than `change.base` is committed by now; then nothing was replaced.
        """


class RemoteKind(Protocol):
    """Opens one kind of remote (`registry/remotes`)."""

    @property
    def name(self) -> str:
        """Its key in the folder's table."""

    @property
    def schemes(self) -> tuple[str, ...]:
        """What its addresses begin with, before `://`."""

    @property
    def example(self) -> str:
        """What its addresses look like, for messages."""

    def open(self, address: str) -> Remote:
        """The remote at an address; nothing is asked of it yet.

        Raises:
            InvalidInputError: No address of this kind.
            MissingPartError: Its client is not installed.
        """


def blob_path(digest: str) -> str:
    """Where a remote that keeps a registry's files as they are has a blob."""
    return f"{BLOBS}/{digest.removeprefix('sha256:')}"


def checked_blocks(content: Content, path: Path) -> Iterator[bytes]:
    """A file's bytes, the last block only after all of them turned out to be the recorded ones.

    So a receiver that wants every byte before it stores any stores nothing else.

    Raises:
        IntegrityError: The file holds other bytes.
    """
    hasher, size, held = hashlib.sha256(), 0, b""
    for block in read_blocks(path):
        if held:
            yield held
        held = bytes(block)
        hasher.update(held)
        size += len(held)
    got = Content("sha256:" + hasher.hexdigest(), size)
    if got != content:
        raise IntegrityError(
            f"blobs/sha256/{path.name} does not match its record: expected {content.size_bytes} bytes with "
            f"{content.digest}, the file has {size} with {got.digest}; it was not sent, restore it from a "
            "copy"
        )
    yield held


def require_digest(data: bytes, digest: str, *, name: str) -> bytes:
    """Bytes that came from a remote, when they are those that were asked for.

    Raises:
        IntegrityError: They are not.
    """
    if digest_bytes(data) != digest:
        raise IntegrityError(
            f"{name} does not match its digest: expected {digest}, got {digest_bytes(data)}; do not use it, "
            "push again from a registry that is whole"
        )
    return data
