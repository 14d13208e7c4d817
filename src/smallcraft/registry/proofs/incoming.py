"""Blobs on their way from another registry: hashed while they are copied, kept when the copy is interrupted.

Leaves to others: which blobs are wanted (`proofs.transfer`), their final names (`registry.committing`).
Always: a blob that waits here was hashed whole, in this run, under the digest that it bears; a source that
holds other bytes, or more of them, is named and nothing of it is kept.
Not covered: half a blob; it is copied again from its beginning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.content.disk import Layout, hash_file
from smallcraft.registry.content.staging import Block, Staging, read_blocks
from smallcraft.registry.tlog.entry import Content

INCOMING = "incoming"

_NAME = re.compile(r"[0-9a-f]{64}")


class Incoming(Staging):
    """A staging folder whose whole files are found again by the next run."""

    def adopt(self) -> None:
        """Take over what an interrupted run copied whole; everything else in the folder is removed.

        Raises:
            IntegrityError: Something else than files is there.
        """
        for path in sorted(self.folder.iterdir()):
            if path.is_symlink() or not path.is_file():
                raise IntegrityError(f"{path} must be a plain file, which it is not; remove it, then go on")
            content = hash_file(path, name=str(path))
            if _NAME.fullmatch(path.name) and content.digest == f"sha256:{path.name}":
                self._paths[content.digest] = path
            else:
                path.unlink()

    def fetch(self, source: Layout, wanted: Content) -> None:
        """Copy one blob.

        Raises:
            IntegrityError: The source lacks it, or holds other bytes.
            InvalidInputError: The disk is full.
        """
        name = source.name_of(source.blob(wanted.digest))
        path = source.blob(wanted.digest)
        if path.is_symlink() or not path.is_file():
            raise IntegrityError(
                f"{source.root}: {name} is missing or no plain file, but a release needs it; restore it from "
                "a copy there, then go on"
            )
        self.receive(read_blocks(path), wanted, name=f"{source.root}: {name}")

    def receive(self, blocks: Iterable[Block], wanted: Content, *, name: str) -> Path:
        """Take in one blob while it comes; several threads may, each another one.

        Args:
            blocks: Its bytes, in order.
            wanted: What they must be.
            name: Of where they come from, for messages.

        Returns:
            Where it waits.

        Raises:
            IntegrityError: They are other bytes.
            InvalidInputError: The disk is full.
        """
        got, written = self.write_blocks(_at_most(blocks, wanted.size_bytes))
        if got != wanted:
            written.unlink()
            is_longer = got.size_bytes > wanted.size_bytes
            raise IntegrityError(
                f"{name} does not match its record: expected {wanted.size_bytes} bytes with {wanted.digest}, "
                f"it has {'more' if is_longer else f'{got.size_bytes} with {got.digest}'}; nothing was taken "
                "over, restore it from a copy there"
            )
        kept = self.folder / wanted.digest.removeprefix("sha256:")
        self._paths[wanted.digest] = written.replace(kept)
        return kept

    def keep_only(self, digests: set[str]) -> int:
        """Remove what is not wanted any more, and count what is left."""
        for digest in set(self._paths) - digests:
            self._paths.pop(digest).unlink()
        return len(self._paths)


def open_incoming(target: Layout) -> Incoming:
    """The folder of blobs that come to a registry; the caller holds its lock."""
    folder: Path = target.tmp / INCOMING
    if folder.is_symlink():
        raise InvalidInputError(f"{folder} must be a folder, but it is a link; remove it, then go on")
    folder.mkdir(exist_ok=True)
    return Incoming(folder)


def _at_most(blocks: Iterable[Block], size: int) -> Iterator[Block]:
    """The blocks up to the first that goes past the size, so that a longer blob differs and no disk fills."""
    total = 0
    for block in blocks:
        yield block
        total += len(block)
        if total > size:
            return
