"""What tests of Ray share: one server on a cluster of its own, and Ray without its own warnings."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from tests.conftest import require, why_no_ray
from tests.serve.ray.clusters import RunningOnRay, running_on_ray
from tests.serve.running import sources
from tests.serve.task_bundles import write_task_bundles
from tests.serve.toy_bundles import write_numbers_bundle

from smallcraft.serve.loading.source import ModelSource, head_of_folder, source_of_folder

# Each release is another version of one model, so that one server can try them all.
FAULTS = {"2": {"unloadable": True}, "3": {"fails_at": 0.25}, "4": {"slow_s": 0.3}, "6": {"dies_at": 0.25}}


@pytest.fixture(autouse=True, scope="session")
def ray_warns_alone() -> None:
    """Its own warnings, as it is loaded, are its own to mend."""
    if why_no_ray() is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import ray.serve.exceptions  # noqa: F401


@pytest.fixture(scope="session")
def releases(tmp_path_factory) -> Mapping[str, ModelSource]:
    """By version: 1 is stable, 5 answers otherwise, 7 is fine, the rest have the faults above."""
    folder = tmp_path_factory.mktemp("bundles")
    first, second = sources(folder)
    other = write_numbers_bundle(folder, seed=7, numbers=4, classes=3, name="other")[0]
    made = {version: replace(second, version=version) for version in "23467"}
    return {"1": first, "5": source_of_folder(other, "m", "5"), **made}


@pytest.fixture(scope="session")
def many_heads(tmp_path_factory) -> ModelSource:
    """An encoder with a task of its own and another one."""
    paths = write_task_bundles(tmp_path_factory.mktemp("tasks"))
    trunk = source_of_folder(paths["fp32"], "words", "1")
    return replace(trunk, heads=(head_of_folder(paths["cascade"], "intents", "2"),))


class _Shared:
    """The server that tests of this folder share; idle, it takes 0.4 of a core from whatever follows."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._server: RunningOnRay | None = None

    def given(self, running: Callable[[], AbstractContextManager[RunningOnRay]]) -> RunningOnRay:
        if self._server is None:
            self._server = self._open.enter_context(running())
        return self._server

    def close(self) -> None:
        self._server = None
        self._open.close()


_SHARED = _Shared()


def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    if nextitem is None or Path(__file__).parent not in nextitem.path.parents:
        _SHARED.close()


@pytest.fixture
def last_server(server) -> Iterator[RunningOnRay]:
    """The same, for a test that does not leave it as it was: whoever comes next gets another one."""
    yield server
    _SHARED.close()


@pytest.fixture
def server(tmp_path_factory, releases, many_heads) -> RunningOnRay:
    """Three ingresses before two replicas of each release; no test promotes a release or ends it."""
    require(why_no_ray())
    models = (releases["1"], many_heads)
    return _SHARED.given(lambda: running_on_ray(tmp_path_factory.mktemp("server"), models, faults=FAULTS))
