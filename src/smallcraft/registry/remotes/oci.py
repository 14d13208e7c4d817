"""A repository of an OCI registry as a remote: manifests under tags, the log as an artifact of its own.

A blob is a blob, a manifest a manifest as well, under the tag `helpdesk-3` or `helpdesk-3-card`, so that
skopeo, oras and the like copy a release as it is. Tiles and checkpoint are the layers of one more manifest,
tagged `log`; moving that tag is the commit.
Leaves to others: HTTP (`remotes.oci_http`).
Always: the artifact of the log names every blob that no tagged manifest names, so that the registry's own
collection of garbage keeps it; what comes back is checked against the digest it was asked by.
Covered: kill -9 between any two requests; a tag that was moved, whatever it names.
Not covered: two writers in the same instant. The protocol has no conditional write: each looks before it
moves the tag and after, a collision is told to one of them, and a pin shows it to everybody. Tags of retired
releases stay.

Source:
    OCI distribution-spec 1.1 and image-spec 1.1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from smallcraft.addresses import is_loopback
from smallcraft.canonical import canonical_json, digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError, RemoteError
from smallcraft.registry.content.disk import CHECKPOINT_PATH, POLICY_PATH
from smallcraft.registry.content.staging import Block
from smallcraft.registry.manifests.kinds import EMPTY_CONTENT, EMPTY_OBJECT, EMPTY_TYPE, MANIFEST_TYPE
from smallcraft.registry.manifests.manifest import parse_manifest
from smallcraft.registry.remotes.oci_http import OciHttp
from smallcraft.registry.remotes.remote import (
    Change,
    Head,
    Remote,
    checked_blocks,
    require_digest,
)
from smallcraft.registry.tlog.entry import Content
from smallcraft.registry.verify.registry import tile_paths

LOG_TAG = "log"
LOG_TYPE = "application/vnd.smallcraft.log.v1"

_FILE_TYPE = "application/vnd.smallcraft.log.file.v1"
_KEPT_TYPE = "application/vnd.smallcraft.blob.v1"
_TITLE = "org.opencontainers.image.title"
_ADDRESS = re.compile(r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LARGEST_MANIFEST_BYTES = 4 << 20
_FOUND = (200, 404)
_AT_ONCE = 8


@dataclass(frozen=True)
class OciKind:
    """Opens repositories of OCI registries."""

    name: str = "oci"
    schemes: tuple[str, ...] = ("oci", "oci+http")
    example: str = "oci://host/name"

    def open(self, address: str) -> Remote:
        """TLS, but for this machine or where the address says `oci+http`."""
        parts = urlsplit(address)
        repository = parts.path.strip("/")
        if not parts.netloc or "@" in parts.netloc or not _ADDRESS.fullmatch(repository):
            raise InvalidInputError(
                f"a repository is named like {self.example}, in lower case and without a tag, got {address!r}"
            )
        is_plain = parts.scheme == "oci+http" or is_loopback(parts.netloc)
        return OciRepository(address.rstrip("/"), OciHttp(parts.netloc, repository, is_plain))


@dataclass
class OciRepository:
    """One registry in one repository.

    Attributes:
        address: As the user named it.
        http: How it is asked.
    """

    address: str
    http: OciHttp
    _files: Mapping[str, Content] = field(default_factory=dict)

    def head(self) -> Head | None:
        """What the tag `log` names."""
        self._files = {}
        data = self._manifest(LOG_TAG)
        if data is None:
            return None
        digest = digest_bytes(data)
        self._files = self._files_in(data)
        return Head(self._file(CHECKPOINT_PATH), self._file(POLICY_PATH), digest)

    def read_tile(self, path: str) -> bytes:
        """A layer of the log's artifact."""
        if f"log/{path}" not in self._files:
            raise FileNotFoundError(path)
        return self._file(f"log/{path}")

    def sizes(self, digests: Collection[str]) -> Mapping[str, int]:
        """One question each, some at a time."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            answers = list(pool.map(self._size_of, digests))
        return {digest: size for digest, size in zip(digests, answers, strict=True) if size is not None}

    def _size_of(self, digest: str) -> int | None:
        answer = self.http.ask("HEAD", f"blobs/{digest}", wanted=_FOUND)
        return None if answer.status == 404 else int(answer.headers.get("content-length", -1))

    def blocks(self, content: Content) -> Iterator[Block]:
        """As they come."""
        return self.http.stream(f"blobs/{content.digest}")

    def put_blob(self, content: Content, path: Path) -> None:
        """In one request, whose digest the registry checks too."""
        self._upload(content, checked_blocks(content, path))

    def commit(self, change: Change) -> bool:
        """Steps: (1) nobody came before; (2) files of the log; (3) manifests; (4) the tag; (5) nor since."""
        # (1) as it was read
        if self._committed() != (change.base.token if change.base else None):
            return False
        # (2) files of the log
        files = self._put_files(change)
        # (3) manifests
        kept = self._put_manifests(change)
        # (4) the commit
        artifact = _artifact(files, kept)
        if len(artifact) > _LARGEST_MANIFEST_BYTES:
            raise RemoteError(
                f"{self.address}: the log's artifact would have {len(artifact)} bytes, registries take "
                f"{_LARGEST_MANIFEST_BYTES}; push to a bucket instead"
            )
        if self._committed() != (change.base.token if change.base else None):
            return False
        self._put_manifest(LOG_TAG, artifact)
        # (5) as it was written
        self._files = files
        return self._committed() == digest_bytes(artifact)

    def _put_files(self, change: Change) -> dict[str, Content]:
        fresh = {f"log/{path}": data for path, data in change.tiles.items()}
        fresh |= {CHECKPOINT_PATH: change.checkpoint, POLICY_PATH: change.policy}
        files = {}
        for path in sorted(
            {CHECKPOINT_PATH, POLICY_PATH, *(f"log/{tile}" for tile in tile_paths(change.size))}
        ):
            files[path] = self._put_bytes(fresh[path]) if path in fresh else self._files[path]
        return files

    def _put_manifests(self, change: Change) -> list[Content]:
        """Tag what the index names; returns the blobs that nothing tagged leads to."""
        self._put_bytes(EMPTY_OBJECT)
        led_to = {EMPTY_CONTENT.digest}
        for named in change.named:
            data = change.read(named.content)
            tag = named.name.replace("@", "-")
            there = self.http.ask("HEAD", f"manifests/{tag}", headers=_ACCEPTED, wanted=_FOUND)
            if there.headers.get("docker-content-digest") != named.content.digest:
                self._put_manifest(tag, data)
            blobs = parse_manifest(data, digest=named.content.digest).blobs
            led_to |= {named.content.digest, *(blob.digest for blob in blobs)}
        return [content for content in change.blobs if content.digest not in led_to]

    def _committed(self) -> str | None:
        data = self._manifest(LOG_TAG)
        return None if data is None else digest_bytes(data)

    def _manifest(self, tag: str) -> bytes | None:
        answer = self.http.ask("GET", f"manifests/{tag}", headers=_ACCEPTED, wanted=_FOUND)
        return None if answer.status == 404 else answer.body

    def _put_manifest(self, tag: str, data: bytes) -> None:
        headers = {"Content-Type": MANIFEST_TYPE}
        self.http.ask("PUT", f"manifests/{tag}", body=data, headers=headers, wanted=(201,))

    def _put_bytes(self, data: bytes) -> Content:
        content = Content(digest_bytes(data), len(data))
        if not self.sizes([content.digest]):
            self._upload(content, iter((data,)))
        return content

    def _upload(self, content: Content, blocks: Iterator[bytes]) -> None:
        answer = self.http.ask("POST", "blobs/uploads/", wanted=(202,))
        place = answer.headers.get("location", "")
        joint = "&" if "?" in place else "?"
        self.http.send(f"{place}{joint}digest={content.digest}", blocks, size_bytes=content.size_bytes)

    def _file(self, path: str) -> bytes:
        content, data = self._files[path], bytearray()
        name = f"{self.address}: {path}"
        try:
            for block in self.blocks(content):
                data += block
                if len(data) > content.size_bytes:
                    break
        except FileNotFoundError as error:
            raise IntegrityError(f"{name} is missing; push again from a registry that is whole") from error
        return require_digest(bytes(data), content.digest, name=name)

    def _files_in(self, data: bytes) -> Mapping[str, Content]:
        """The log's files by path, as its artifact lists them."""
        try:
            manifest = json.loads(data)
            if manifest["artifactType"] != LOG_TYPE:
                raise ValueError(f"its type is {manifest['artifactType']!r}")  # noqa: TRY301 - one message
            layers = [layer for layer in manifest["layers"] if layer["mediaType"] == _FILE_TYPE]
            files = {layer["annotations"][_TITLE]: _content_in(layer) for layer in layers}
            missing = {CHECKPOINT_PATH, POLICY_PATH} - set(files)
            if missing:
                raise ValueError(f"{min(missing)} is not in it")  # noqa: TRY301
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise IntegrityError(
                f"{self.address}: the tag '{LOG_TAG}' names no log of a registry ({error}); name another "
                "repository, or push again from a registry that is whole"
            ) from error
        return files


_ACCEPTED = {"Accept": MANIFEST_TYPE}


def _content_in(layer: Mapping[str, object]) -> Content:
    digest, size = layer["digest"], layer["size"]
    if not (isinstance(digest, str) and _DIGEST.fullmatch(digest) and isinstance(size, int) and size >= 0):
        raise ValueError(f"a layer has digest {digest!r} and size {size!r}")
    return Content(digest, size)


def _artifact(files: Mapping[str, Content], kept: Iterable[Content]) -> bytes:
    layers: list[dict[str, object]] = [
        {**_described(content, _FILE_TYPE), "annotations": {_TITLE: path}}
        for path, content in sorted(files.items())
    ]
    layers += [_described(content, _KEPT_TYPE) for content in sorted(kept, key=lambda one: one.digest)]
    return canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": LOG_TYPE,
            "config": _described(EMPTY_CONTENT, EMPTY_TYPE),
            "layers": layers,
        }
    )


def _described(content: Content, media_type: str) -> dict[str, object]:
    return {"mediaType": media_type, "digest": content.digest, "size": content.size_bytes}
