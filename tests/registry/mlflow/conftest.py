"""An MLflow server on this machine with a database of its own, and clients in its own environment."""

from __future__ import annotations

import itertools
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from benchmarks.peers import MLFLOW, is_made, python_of
from tests.conftest import ON_BUILD_MACHINE, require
from tests.models.toys import TEXT, toy_workshop

from smallcraft.models.ladder import fit_rung
from smallcraft.registry.opening import Trust
from smallcraft.registry.store import Registry

STARTS_WITHIN_S = 180
_NUMBERS = itertools.count(1)
AS_SMALLCRAFT = "from smallcraft.cli.main import run; sys.exit(run(sys.argv[1:]))"
# MLflow's client stands beside what is installed here, at the end of the path. It takes seconds to load, so
# one process has it loaded, and each command runs in a copy of that process.
LOADED = """
import json, os, sys, warnings
sys.path.append(sys.argv[1])
warnings.simplefilter("ignore")
import mlflow, mlflow.artifacts, mlflow.pyfunc
import smallcraft.cli.main, smallcraft.pipeline.mlflow_versions, smallcraft.registry.mlflow.registering

for line in sys.stdin:
    job = json.loads(line)
    child = os.fork()
    if child == 0:
        os.environ.update(job["environment"])
        os.dup2(os.open(job["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        os.dup2(os.open(job["err"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        sys.argv[1:] = job["words"]
        code = 70
        try:
            exec(job["code"])
            code = 0
        except SystemExit as ended:
            code = ended.code
        except BaseException as error:
            print(type(error).__name__, error, file=sys.stderr)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code or 0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
ALONE = "import sys; sys.path.append(sys.argv.pop(1)); " + AS_SMALLCRAFT


def why_no_mlflow() -> str | None:
    if ON_BUILD_MACHINE or is_made(MLFLOW):
        return None
    make = "python -c 'from benchmarks.peers import *; python_of(MLFLOW)'"
    return f"MLflow is not there; {make} makes its environment"


def packages_of_mlflow() -> Path:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return python_of(MLFLOW).parents[1] / "lib" / version / "site-packages"


class Commands:
    """Runs commands where MLflow's client is loaded."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None

    def run(self, words: Sequence[str], *, code: str, settings: Mapping[str, str]) -> Told:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-c", LOADED, str(packages_of_mlflow())],
                env=dict(settings),
                cwd=self._folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._process.stdin
        assert self._process.stdout
        out, err = self._folder / "out", self._folder / "err"
        job = {"words": words, "code": code, "environment": settings, "out": str(out), "err": str(err)}
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        ended = int(self._process.stdout.readline())
        return Told(ended, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))

    def end(self) -> None:
        if self._process is not None:
            self._process.communicate(timeout=60)


@dataclass(frozen=True)
class Told:
    """What a command said."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Mlflow:
    """A server, or a store in a file."""

    uri: str
    folder: Path
    home: Path
    commands: Commands
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        is_server = self.uri.startswith("http")
        return f"mlflow:{self.uri.removeprefix('http:')}" if is_server else f"mlflow+{self.uri}"

    @property
    def settings(self) -> dict[str, str]:
        return {
            **os.environ,
            "HOME": str(self.home),
            "PYTHONPATH": os.pathsep.join(sys.path),
            "OMP_NUM_THREADS": "1",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_TRACKING_URI": self.uri,
            **self.environment,
        }

    def start(self, *words: str) -> subprocess.Popen[str]:
        """A command of its own, beside others."""
        return subprocess.Popen(
            [sys.executable, "-c", ALONE, str(packages_of_mlflow()), *words],
            env=self.settings,
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def smallcraft(self, *words: object, code: str = AS_SMALLCRAFT) -> Told:
        """A command, where MLflow's client is installed."""
        return self.commands.run(list(map(str, words)), code=code, settings=self.settings)

    def ask(self, path: str, body: Mapping[str, Any]) -> Any:
        """What the server's REST API says."""
        request = Request(
            f"{self.uri}/api/2.0/mlflow/{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def versions(self, name: str) -> list[dict[str, Any]]:
        """Of a model, the lowest number first."""
        query = urlencode({"filter": f"name='{name}'"})
        with urlopen(f"{self.uri}/api/2.0/mlflow/model-versions/search?{query}", timeout=60) as answer:
            found = json.load(answer).get("model_versions", [])
        return sorted(found, key=lambda one: int(one["version"]))

    def stored(self, name: str, path: str) -> Path:
        """A file of version 1 where the server keeps it."""
        (run,) = [one["run_id"] for one in self.versions(name) if one["version"] == "1"]
        (found,) = self.folder.glob(f"*/{run}/artifacts/model/{path}")
        return found

    def client(self, code: str) -> Any:
        """What MLflow's own client says in its own environment; `answer` is what comes back."""
        script = (
            "import json, mlflow\nfrom mlflow import MlflowClient\nclient = MlflowClient()\n"
            f"{code}\nprint(json.dumps(answer))"
        )
        settings = {name: value for name, value in self.settings.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            [str(python_of(MLFLOW)), "-c", script],
            env=settings,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    made = Commands(tmp_path_factory.mktemp("commands"))
    yield made
    made.end()


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory, commands: Commands) -> Iterator[Mlflow]:
    """A real `mlflow server` with a database."""
    require(why_no_mlflow())
    folder = tmp_path_factory.mktemp("mlflow")
    (folder / "home").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = Mlflow(f"http://127.0.0.1:{port}", folder / "artifacts", folder / "home", commands)
    words = [
        *("server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *(
            "--backend-store-uri",
            f"sqlite:///{folder}/mlflow.db",
            "--artifacts-destination",
            str(made.folder),
        ),
    ]
    settings = {name: value for name, value in made.settings.items() if name != "PYTHONPATH"}
    with (folder / "said").open("w") as said:
        process = subprocess.Popen(
            [str(python_of(MLFLOW)), "-m", "mlflow", *words],
            env=settings,
            stdout=said,
            stderr=said,
            cwd=folder,
            start_new_session=True,
        )
        try:
            _wait(made.uri, process, folder / "said")
            yield made
        finally:
            os.killpg(process.pid, 15)
            process.wait(60)


def _wait(uri: str, process: subprocess.Popen[bytes], said: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until:
        assert process.poll() is None, said.read_text()
        try:
            with urlopen(f"{uri}/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"MLflow did not start within {STARTS_WITHIN_S} s: {said.read_text()}")


@pytest.fixture
def database(tmp_path: Path, commands: Commands) -> Mlflow:
    """A store in a file, without a server."""
    require(why_no_mlflow())
    (tmp_path / "home").mkdir()
    return Mlflow(f"sqlite:///{tmp_path}/store.db", tmp_path / "files", tmp_path / "home", commands)


@pytest.fixture(scope="session")
def toy_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that answers texts."""
    workshop = toy_workshop(tmp_path_factory.mktemp("toy"), TEXT)
    return fit_rung("ngram", workshop, workshop.scratch / "bundles", about={}).bundle


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    return Trust(tmp_path / "keys")


@pytest.fixture
def name() -> str:
    """Of a model that no other test registers."""
    return f"toys{next(_NUMBERS)}"


@pytest.fixture
def released(toy_bundle: Path, trust: Trust, tmp_path: Path, now: Any, name: str) -> Registry:
    """Versions 1 and 2 of a name, each with a bundle; they differ by their card."""
    made = Registry.create(
        tmp_path / "project/.smallcraft/registry", origin="example.com/models", trust=trust
    )
    bundle = {
        f"bundle/{path.relative_to(toy_bundle).as_posix()}": path
        for path in toy_bundle.rglob("*")
        if path.is_file()
    }
    for version in (1, 2):
        made.publish(name, {**bundle, "card.md": b"# toys %d" % version}, {"accuracy": 0.9}, now=now)
    return made


@pytest.fixture
def project(released: Registry, trust: Trust, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a project with these releases; its keys are the user's."""
    released.log()
    monkeypatch.setenv("SMALLCRAFT_CONFIG", str(trust.folder))
    return released.root.parents[1]
