"""Remotes to try a registry on, each with a way behind its back: what it stores, read and changed unasked."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Protocol

from smallcraft.canonical import digest_bytes
from smallcraft.registry.remotes.bucket import Bucket
from smallcraft.registry.remotes.remote import Remote
from smallcraft.registry.sharing.addressing import open_remote

if TYPE_CHECKING:
    from obstore.store import ObjectStore

LISTENING = "listening on 127.0.0.1:"


class Place(Protocol):
    """Where one registry may lie."""

    @property
    def has_conditions(self) -> bool:
        """Whether two writers in the same instant are told apart."""

    def open(self) -> Remote:
        """As a user does."""

    def read(self, path: str) -> bytes:
        """What is stored under a registry's path."""

    def write(self, path: str, data: bytes) -> None:
        """Put other bytes in its place."""

    def state(self) -> Mapping[str, bytes]:
        """All that is stored, by the place's own names."""

    def put_back(self, state: Mapping[str, bytes]) -> None:
        """Nothing but this is stored."""


@dataclass(frozen=True)
class BucketPlace:
    """A prefix in a bucket."""

    store: ObjectStore
    address: str = ""
    has_conditions: bool = True

    def open(self) -> Remote:
        if not self.address:
            return Bucket("memory://here", self.store)
        found = open_remote(self.address)
        assert found is not None
        return found

    def read(self, path: str) -> bytes:
        import obstore

        return bytes(obstore.get(self.store, path).bytes())

    def write(self, path: str, data: bytes) -> None:
        import obstore

        obstore.put(self.store, path, data)

    def state(self) -> Mapping[str, bytes]:
        import obstore

        paths = [one["path"] for part in obstore.list(self.store) for one in part]
        return {path: self.read(path) for path in paths}

    def put_back(self, state: Mapping[str, bytes]) -> None:
        import obstore

        for path in self.state():
            obstore.delete(self.store, path)
        for path, data in state.items():
            self.write(path, data)


@dataclass(frozen=True)
class OciPlace:
    """A repository whose registry keeps its files in a folder."""

    host: str
    folder: Path
    repository: str
    has_conditions: bool = False

    @property
    def address(self) -> str:
        return f"oci://{self.host}/{self.repository}"

    def open(self) -> Remote:
        found = open_remote(self.address)
        assert found is not None
        return found

    @property
    def _files(self) -> Path:
        return self.folder / "docker/registry/v2"

    def _blob(self, digest: str) -> Path:
        name = digest.removeprefix("sha256:")
        return self._files / "blobs/sha256" / name[:2] / name / "data"

    def digest_of(self, path: str) -> str:
        if path.startswith("blobs/"):
            return f"sha256:{Path(path).name}"
        tag = self._files / "repositories" / self.repository / "_manifests/tags/log/current/link"
        layers = json.loads(self._blob(tag.read_text()).read_bytes())["layers"]
        titles = {
            layer.get("annotations", {}).get("org.opencontainers.image.title"): layer["digest"]
            for layer in layers
        }
        return str(titles[path])

    def read(self, path: str) -> bytes:
        return self._blob(self.digest_of(path)).read_bytes()

    def write(self, path: str, data: bytes) -> None:
        self._blob(self.digest_of(path)).write_bytes(data)

    def state(self) -> Mapping[str, bytes]:
        tags = self._files / "repositories" / self.repository / "_manifests/tags"
        return {path.parent.parent.name: path.read_bytes() for path in sorted(tags.glob("*/current/link"))}

    def put_back(self, state: Mapping[str, bytes]) -> None:
        tags = self._files / "repositories" / self.repository / "_manifests/tags"
        for tag in tags.iterdir():
            if tag.name not in state:
                shutil.rmtree(tag)
        for tag, link in state.items():
            (tags / tag / "current/link").write_bytes(link)


@dataclass(frozen=True)
class Server:
    """A process of another program that serves on this machine."""

    process: subprocess.Popen[str] = field(repr=False)
    port: int


@contextmanager
def served(command: list[str], *, before_port: str = "", stream: str = "stdout") -> Iterator[Server]:
    """Start a server, read its port from what it prints, and end it afterwards."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE if stream == "stdout" else subprocess.DEVNULL,
        stderr=subprocess.PIPE if stream == "stderr" else subprocess.DEVNULL,
        text=True,
    )
    said = process.stdout or process.stderr
    assert said is not None
    found = next((found for line in said if (found := re.search(f"{before_port}([0-9]+)", line))), None)
    assert found, f"{command[0]} did not start"
    # What it says later is read too, so that it never waits for a reader.
    reader = Thread(target=said.read)
    reader.start()
    try:
        yield Server(process, int(found[1]))
    finally:
        process.terminate()
        process.wait(60)
        reader.join(60)
        said.close()


def blob_path(data: bytes) -> str:
    return f"blobs/sha256/{digest_bytes(data).removeprefix('sha256:')}"
