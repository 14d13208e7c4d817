"""Every kind of remote, on this machine: a bucket in memory, moto's S3, docker-registry, a small Hub."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from benchmarks.peers import MOTO, is_made, python_of
from tests.conftest import ON_BUILD_MACHINE, require, why_no_program
from tests.registry.remotes.hub_server import Hub, HubPlace, served_hub
from tests.registry.remotes.places import LISTENING, BucketPlace, OciPlace, Place, served

from smallcraft.registry.opening import Trust
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.registry import verify_registry

BUCKET = "models"
_NUMBERS = itertools.count(1)
_REGISTRY = """version: 0.1
log: {{level: info, fields: {{}}}}
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "127.0.0.1:0"}}
"""


def why_no_obstore() -> str | None:
    if importlib.util.find_spec("obstore"):
        return None
    return "obstore is not installed; pip install 'smallcraft[scale]'"


def why_no_moto() -> str | None:
    if ON_BUILD_MACHINE or is_made(MOTO):
        return None
    make = "python -c 'from benchmarks.peers import *; python_of(MOTO)'"
    return f"moto, a bucket on this machine, is not there; {make} makes its environment"


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The address of an S3 service with one bucket."""
    require(why_no_moto())
    script = Path(__file__).with_name("bucket_server.py")
    with served([str(python_of(MOTO)), str(script)]) as server:
        endpoint = f"http://127.0.0.1:{server.port}"
        urlopen(Request(f"{endpoint}/{BUCKET}", method="PUT")).close()
        yield endpoint


@pytest.fixture(scope="session")
def oci_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Host and port of an OCI registry, and the folder that it keeps its files in."""
    require(why_no_program("docker-registry", "docker-registry"))
    folder = tmp_path_factory.mktemp("docker-registry")
    settings = folder / "config.yml"
    settings.write_text(_REGISTRY.format(folder=folder / "files"), encoding="utf-8")
    command = ["docker-registry", "serve", str(settings)]
    with served(command, before_port=LISTENING, stream="stderr") as server:
        yield f"127.0.0.1:{server.port}", folder / "files"


@pytest.fixture
def s3(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> BucketPlace:
    require(why_no_obstore())
    from obstore.store import S3Store

    settings = {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ACCESS_KEY_ID": "name",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    prefix = f"team/{next(_NUMBERS)}"
    store = S3Store(
        BUCKET,
        prefix=prefix,
        endpoint=s3_endpoint,
        access_key_id="name",
        secret_access_key="secret",
        region="us-east-1",
        client_options={"allow_http": True},
    )
    return BucketPlace(store, f"s3://{BUCKET}/{prefix}")


@pytest.fixture
def oci(oci_server: tuple[str, Path]) -> OciPlace:
    host, folder = oci_server
    return OciPlace(host, folder, f"team/models-{next(_NUMBERS)}")


@pytest.fixture
def memory() -> BucketPlace:
    require(why_no_obstore())
    from obstore.store import MemoryStore

    return BucketPlace(MemoryStore())


@pytest.fixture(scope="session")
def hub_server() -> Iterator[Hub]:
    """What huggingface_hub's own client talks to."""
    with served_hub() as hub:
        yield hub


@pytest.fixture
def hub(hub_server: Hub, monkeypatch: pytest.MonkeyPatch) -> HubPlace:
    monkeypatch.setenv("HF_ENDPOINT", hub_server.endpoint)
    monkeypatch.setenv("HF_TOKEN", "hf_of_a_test")
    # The client keeps the endpoint that it found when it was first imported, whichever test that was.
    found = importlib.import_module("huggingface_hub.constants").ENDPOINT
    for module in ("constants", "file_download"):
        keeper = importlib.import_module(f"huggingface_hub.{module}")
        for name in ("ENDPOINT", "HUGGINGFACE_CO_URL_TEMPLATE"):
            if hasattr(keeper, name):
                value = getattr(keeper, name).replace(found, hub_server.endpoint, 1)
                monkeypatch.setattr(keeper, name, value)
    return HubPlace(hub_server, f"team/models-{next(_NUMBERS)}")


@pytest.fixture(params=["memory", "s3", "oci", "hub"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each kind of remote in turn, empty."""
    return request.getfixturevalue(request.param)


@dataclass(frozen=True)
class Owner:
    """A registry of two releases, and the keys and pins of whoever writes it."""

    registry: Registry
    trust: Trust

    @property
    def root(self) -> Path:
        return self.registry.root

    def copy(self, folder: Path) -> Owner:
        """The same registry under the same keys on another machine."""
        shutil.copytree(self.trust.folder, folder / "keys")
        shutil.copytree(self.root, folder / "registry")
        trust = Trust(folder / "keys")
        return Owner(Registry.open(folder / "registry", trust=trust), trust)


def release_files(version: int) -> dict[str, bytes]:
    return {
        "bundle/model.json": b'{"weights":"version %d %s"}' % (version, b"x" * 3000),
        "bundle/tokenizer.json": b'{"tokens":[]}',
        "card.md": b"# helpdesk\n",
    }


@pytest.fixture
def owner(tmp_path: Path, now: Any) -> Owner:
    trust = Trust(tmp_path / "owner")
    made = Registry.create(tmp_path / "registry", origin="example.com/models", trust=trust)
    for version in (1, 2):
        made.publish("helpdesk", release_files(version), {"accuracy": 0.9}, now=now)
    made.log()
    return Owner(made, trust)


@pytest.fixture
def newcomer(tmp_path: Path) -> Trust:
    """Somebody without keys and pins."""
    return Trust(tmp_path / "newcomer")


@pytest.fixture
def verified_by() -> Callable[[Trust], Callable[[Path], object]]:
    """The check of a whole registry, by somebody."""
    return lambda trust: lambda folder: verify_registry(folder, trust=trust)


@pytest.fixture
def child_environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
