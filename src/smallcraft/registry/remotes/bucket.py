"""A bucket of S3, Google Cloud Storage or Azure as a remote: the registry's files as objects, many writers.

Leaves to others: the transport and its credentials (`obstore`), what stands in a journal (`remotes.journal`).
Always: the checkpoint is replaced on condition that it is the one that was read; every other object is named
by its content, follows from a committed checkpoint, or is derived.
Covered: eight writers or eighty at once; kill -9 between any two requests; a request that is sent twice.
Not covered: stores without conditional writes, blobs that nothing needs any more.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from smallcraft.addresses import STORE_SCHEMES, open_store
from smallcraft.errors import IntegrityError, InvalidInputError, RemoteError, first_line
from smallcraft.registry.content.disk import CHECKPOINT_PATH, POLICY_PATH
from smallcraft.registry.content.staging import Block
from smallcraft.registry.manifests.index import build_index
from smallcraft.registry.manifests.kinds import OCI_LAYOUT
from smallcraft.registry.remotes.journal import (
    JOURNALS,
    Journal,
    encode_journal,
    journal_path,
    parse_journal,
)
from smallcraft.registry.remotes.remote import (
    BLOBS,
    Change,
    Head,
    Remote,
    blob_path,
    checked_blocks,
)
from smallcraft.registry.tlog.entry import Content
from smallcraft.registry.tlog.tiles import TILE_WIDTH
from smallcraft.registry.verify.registry import tile_paths

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_TILES = "log/tile"
_INDEX = "index.json"
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Found:
    """An object as it was read: its bytes, and what a conditional write asks for."""

    data: bytes
    mode: Mapping[str, str]


@dataclass(frozen=True)
class BucketKind:
    """Opens buckets through obstore."""

    name: str = "bucket"
    schemes: tuple[str, ...] = STORE_SCHEMES
    example: str = "s3://bucket/prefix"

    def open(self, address: str) -> Remote:
        """Credentials and endpoint come from the environment, as the clouds' own tools read them."""
        parts = urlsplit(address)
        if not parts.netloc or parts.query or parts.fragment:
            raise InvalidInputError(f"a bucket is named like {self.example}, got {address!r}")
        return Bucket(address.rstrip("/"), open_store(address))


class Bucket:
    """One registry in a bucket, below a prefix."""

    def __init__(self, address: str, store: ObjectStore) -> None:
        self._address = address
        self._store = store
        self._pending: Journal | None = None
        self._listed: dict[str, frozenset[str]] = {}

    @property
    def address(self) -> str:
        """Bucket and prefix."""
        return self._address

    def head(self) -> Head | None:
        """The checkpoint, and what its journal has not been written as yet."""
        self._pending, self._listed = None, {}
        found = self._get(CHECKPOINT_PATH)
        if found is None and self._list(_TILES):
            # A tile comes after the checkpoint that covers it, so now there must be one.
            found = self._get(CHECKPOINT_PATH)
            if found is None:
                raise IntegrityError(
                    f"{self._address}: {CHECKPOINT_PATH} is missing, but its tiles are there: it held a "
                    "registry; restore the checkpoint from a copy"
                )
        if found is None:
            return None
        path = journal_path(found.data)
        journal = self._get(path)
        if journal is not None:
            self._pending = parse_journal(journal.data, name=f"{self._address}: {path}")
        policy = self._get(POLICY_PATH)
        data = self._pending.policy if self._pending else policy.data if policy else b""
        return Head(found.data, data, token=json.dumps(found.mode))

    def read_tile(self, path: str) -> bytes:
        """From the journal, else from its own object."""
        if self._pending and path in self._pending.tiles:
            return self._pending.tiles[path]
        folder, is_partial, _ = path.rpartition(".p/")
        if is_partial and folder in self._listed and f"log/{path}" not in self._listed[folder]:
            raise FileNotFoundError(path)
        found = self._get(f"log/{path}")
        if found is None:
            if is_partial and folder not in self._listed:
                # A wider one may have taken its place; one question tells which, instead of 255.
                self._listed[folder] = frozenset(self._list(f"log/{folder}.p"))
            raise FileNotFoundError(path)
        return found.data

    def sizes(self, digests: Collection[str]) -> Mapping[str, int]:
        """One listing for many, one question for few."""
        if len(digests) > 1:
            listed = self._list(BLOBS)
        else:
            listed = {path: size for digest in digests for path, size in self._list_one(blob_path(digest))}
        return {digest: listed[blob_path(digest)] for digest in digests if blob_path(digest) in listed}

    def blocks(self, content: Content) -> Iterator[Block]:
        """As they come; a connection that broke is taken up again by obstore."""
        import obstore

        with self._told():
            yield from obstore.get(self._store, blob_path(content.digest)).stream(min_chunk_size=_BLOCK_BYTES)

    def put_blob(self, content: Content, path: Path) -> None:
        """In parts where it is large; the object appears once the last one is there."""
        import obstore

        with self._told():
            obstore.put(self._store, blob_path(content.digest), checked_blocks(content, path))

    def commit(self, change: Change) -> bool:
        """Steps: (1) what the state before still lacks; (2) the journal; (3) the checkpoint; (4) the rest."""
        journal = Journal(change.size, change.tiles, change.policy, build_index(change.named))
        # (1) the state before
        if self._pending and change.base:
            self._finish(change.base.checkpoint, self._pending)
        if change.base is None or change.checkpoint != change.base.checkpoint:
            # (2) journal
            self._put(journal_path(change.checkpoint), encode_journal(journal))
            # (3) the commit
            mode = json.loads(change.base.token) if change.base else None
            if not self._swap(CHECKPOINT_PATH, change.checkpoint, mode):
                return False
        # (4) the rest
        self._finish(change.checkpoint, journal)
        return True

    def _finish(self, checkpoint: bytes, journal: Journal) -> None:
        """Give everything in a journal its name; two who do it at once write the same bytes."""
        for path, data in journal.tiles.items():
            self._put(f"log/{path}", data)
        derived = {"oci-layout": OCI_LAYOUT, POLICY_PATH: journal.policy, _INDEX: journal.index}
        for path, data in derived.items():
            self._derive(path, data, checkpoint)
        self._clear(checkpoint, journal.size)
        self._pending = None

    def _derive(self, path: str, data: bytes, checkpoint: bytes) -> None:
        """Write what follows from a state, unless a newer one was committed: its writer does that then."""
        there = self._get(path)
        if there is not None and there.data == data:
            return
        head = self._get(CHECKPOINT_PATH)
        if head is not None and head.data == checkpoint:
            self._swap(path, data, there.mode if there else None)

    def _clear(self, checkpoint: bytes, size: int) -> None:
        """Journals that no writer can commit any more, and tiles that wider ones hold."""
        own = journal_path(checkpoint)
        for path in self._list(JOURNALS):
            found = None if path == own else self._get(path)
            if path == own or (found and parse_journal(found.data, name=path).size <= size):
                self._delete(path)
        widths = {path.partition(".p/")[0]: _width(path) for path in tile_paths(size)}
        for path in self._list(_TILES):
            tile = path.removeprefix("log/")
            if _width(tile) < widths.get(tile.partition(".p/")[0], 0):
                self._delete(path)

    def _swap(self, path: str, data: bytes, mode: Mapping[str, str] | None) -> bool:
        """Write on condition that the object is the one that was read, or that there is none."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        condition: Any = dict(mode) if mode else "create"
        with self._told():
            try:
                obstore.put(self._store, path, data, mode=condition, use_multipart=False)
            except (AlreadyExistsError, PreconditionError):
                # It may have been our own request, whose answer was lost and that was sent again.
                there = self._get(path)
                return there is not None and there.data == data
        return True

    def _put(self, path: str, data: bytes) -> None:
        import obstore

        with self._told():
            obstore.put(self._store, path, data, use_multipart=False)

    def _get(self, path: str) -> Found | None:
        import obstore

        with self._told():
            try:
                got = obstore.get(self._store, path)
            except FileNotFoundError:
                return None
            meta = got.meta
            data = bytes(got.bytes())
        known = {"e_tag": meta.get("e_tag"), "version": meta.get("version")}
        return Found(data, {key: value for key, value in known.items() if value})

    def _list(self, prefix: str) -> dict[str, int]:
        import obstore

        with self._told():
            return {one["path"]: one["size"] for part in obstore.list(self._store, prefix) for one in part}

    def _list_one(self, path: str) -> Iterator[tuple[str, int]]:
        import obstore

        with self._told():
            try:
                yield path, obstore.head(self._store, path)["size"]
            except FileNotFoundError:
                return

    def _delete(self, path: str) -> None:
        import obstore

        with self._told():
            obstore.delete(self._store, path)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of the store in our words; what is not there is for the caller."""
        from obstore.exceptions import BaseError

        try:
            yield
        except BaseError as error:
            raise RemoteError(
                f"{self._address} did not do what was asked ({first_line(error)}); check the name, "
                "the credentials and the endpoint in the environment, then run the same command again: it "
                "goes on where it was"
            ) from error


def _width(tile: str) -> int:
    width = tile.partition(".p/")[2]
    return int(width) if width.isdecimal() else TILE_WIDTH
