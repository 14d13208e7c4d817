"""A repository of the Hugging Face Hub as a remote: the registry's files as they are, a push is one commit.

Leaves to others: the transport, large files and the token (`huggingface_hub`).
Always: a push is a commit on condition that its parent is the one that was read, so many writers may share a
repository; files are read at one revision, never at a branch that moves.
The page that the Hub shows is the card of the newest release; a README that somebody wrote stays theirs.
Covered: kill -9 at any point; files that were changed by other commits.
Not covered: blobs that nothing needs any more; .gitattributes, which stands beside.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import weakref
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smallcraft.errors import IntegrityError, InvalidInputError, MissingPartError, RemoteError, first_line
from smallcraft.registry.content.disk import CHECKPOINT_PATH, POLICY_PATH
from smallcraft.registry.content.staging import Block, read_blocks
from smallcraft.registry.manifests.index import build_index
from smallcraft.registry.manifests.kinds import OCI_LAYOUT
from smallcraft.registry.remotes.remote import Change, Head, Remote, blob_path, checked_blocks
from smallcraft.registry.tlog.entry import Content
from smallcraft.registry.verify.registry import tile_paths

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_TILES = "log/tile/"
# What the Hub shows of a repository; its front matter says whose it is.
_README = "README.md"
_OURS = re.compile(rb'^library_name: "?smallcraft"?$', re.MULTILINE)
_FRONT_BYTES = 4096
_PRECONDITION_FAILED = 412


@dataclass(frozen=True)
class HubKind:
    """Opens repositories of the Hugging Face Hub."""

    name: str = "hub"
    schemes: tuple[str, ...] = ("hf",)
    example: str = "hf://owner/name"

    def open(self, address: str) -> Remote:
        """Endpoint and token come from HF_ENDPOINT and HF_TOKEN, or what `hf auth login` stored."""
        try:
            from huggingface_hub import HfApi
        except ImportError as error:
            raise MissingPartError(
                f"{address} needs huggingface_hub, which is not installed; pip install 'smallcraft[hub]'"
            ) from error
        repository = address.partition("://")[2].rstrip("/")
        owner, found, name = repository.partition("/")
        if not (owner and found and name) or "/" in name:
            raise InvalidInputError(f"a repository of the Hub is named like {self.example}, got {address!r}")
        return HubRepository(address.rstrip("/"), repository, HfApi(endpoint=os.environ.get("HF_ENDPOINT")))


class HubRepository:
    """One registry in one repository of models."""

    def __init__(self, address: str, repository: str, api: HfApi) -> None:
        self._address = address
        self._repository = repository
        self._api = api
        self._revision: str | None = None
        self._sizes: dict[str, int] = {}
        self._blobs: dict[str, Path] = {}
        # The client wants to keep what it fetched; here it is read once.
        self._cache = tempfile.TemporaryDirectory(prefix="smallcraft-hub-")
        weakref.finalize(self, self._cache.cleanup)

    @property
    def address(self) -> str:
        """As the user named it."""
        return self._address

    def head(self) -> Head | None:
        """What the newest commit holds."""
        self._blobs.clear()
        self._revision = self._newest()
        self._sizes = {} if self._revision is None else self._listed(self._revision)
        if CHECKPOINT_PATH not in self._sizes:
            if any(path.startswith(_TILES) for path in self._sizes):
                raise IntegrityError(
                    f"{self._address}: {CHECKPOINT_PATH} is missing, but its tiles are there: it held a "
                    "registry; restore the checkpoint from an earlier commit"
                )
            return None
        policy = self._read(POLICY_PATH) if POLICY_PATH in self._sizes else b""
        return Head(self._read(CHECKPOINT_PATH), policy, token=str(self._revision))

    def read_tile(self, path: str) -> bytes:
        """At the revision that was read."""
        if f"log/{path}" not in self._sizes:
            raise FileNotFoundError(path)
        return self._read(f"log/{path}")

    def sizes(self, digests: Collection[str]) -> Mapping[str, int]:
        """As the revision lists them."""
        return {
            digest: self._sizes[blob_path(digest)] for digest in digests if blob_path(digest) in self._sizes
        }

    def blocks(self, content: Content) -> Iterator[Block]:
        """Fetched whole by the Hub's client, then read."""
        if blob_path(content.digest) not in self._sizes:
            raise FileNotFoundError(content.digest)
        path = self._fetch(blob_path(content.digest))
        try:
            yield from read_blocks(path)
        finally:
            path.unlink()

    def put_blob(self, content: Content, path: Path) -> None:
        """Checked now, sent with the commit."""
        for _ in checked_blocks(content, path):
            pass
        self._blobs[content.digest] = path

    def commit(self, change: Change) -> bool:
        """One commit with everything, on condition that its parent is the one that was read."""
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        parent = self._revision
        if parent is None:
            with self._told():
                self._api.create_repo(self._repository, private=True, exist_ok=True)
            parent = self._newest()
            if parent is None or CHECKPOINT_PATH in self._listed(parent):
                return False
        files: dict[str, Any] = {blob_path(digest): str(path) for digest, path in self._blobs.items()}
        files |= {f"log/{path}": data for path, data in change.tiles.items()}
        files |= {"oci-layout": OCI_LAYOUT, "index.json": build_index(change.named)}
        files |= {POLICY_PATH: change.policy, CHECKPOINT_PATH: change.checkpoint}
        if change.readme is not None and self._may_show(change.readme):
            files[_README] = change.readme
        known = {f"log/{path}" for path in tile_paths(change.size)}
        old = [path for path in self._sizes if path.startswith(_TILES) and path not in known]
        steps: list[Any] = [
            CommitOperationAdd(path_in_repo=path, path_or_fileobj=data) for path, data in files.items()
        ]
        steps += [CommitOperationDelete(path_in_repo=path) for path in old]
        return self._commit(steps, parent, message=f"smallcraft push: {change.size} entries")

    def _may_show(self, card: bytes) -> bool:
        """Whether the Hub's page is to change, and no person wrote what it shows."""
        if _README not in self._sizes:
            return True
        there = self._read(_README)
        return there != card and _OURS.search(there[:_FRONT_BYTES]) is not None

    def _commit(self, steps: list[Any], parent: str, *, message: str) -> bool:
        from huggingface_hub.errors import HfHubHTTPError

        with self._told():
            try:
                self._api.create_commit(self._repository, steps, commit_message=message, parent_commit=parent)
            except HfHubHTTPError as error:
                if error.response is not None and error.response.status_code == _PRECONDITION_FAILED:
                    return False
                raise
        self._blobs.clear()
        return True

    def _newest(self) -> str | None:
        from huggingface_hub.errors import RepositoryNotFoundError

        with self._told():
            try:
                return self._api.repo_info(self._repository).sha
            except RepositoryNotFoundError:
                return None

    def _listed(self, revision: str) -> dict[str, int]:
        with self._told():
            tree = self._api.list_repo_tree(self._repository, recursive=True, revision=revision)
            return {one.path: one.size for one in tree if hasattr(one, "size")}

    def _read(self, path: str) -> bytes:
        fetched = self._fetch(path)
        try:
            return fetched.read_bytes()
        finally:
            fetched.unlink()

    def _fetch(self, path: str) -> Path:
        with self._told():
            folder = tempfile.mkdtemp(dir=self._cache.name)
            return Path(
                self._api.hf_hub_download(self._repository, path, revision=self._revision, local_dir=folder)
            )

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of the client in our words."""
        try:
            yield
        except _client_errors() as error:
            raise RemoteError(
                f"{self._address} did not do what was asked ({first_line(error)}); check the name, "
                "and the token with `hf auth whoami`, then run the same command again: it goes on where it "
                "was"
            ) from error


def _client_errors() -> tuple[type[Exception], ...]:
    """Of the Hub's client, and of the HTTP library that it loaded: that has changed more than once."""
    loaded = (sys.modules.get(name) for name in ("httpx2", "httpx"))
    return (OSError, ValueError, *(module.HTTPError for module in loaded if module is not None))
