"""What answers for a release on the cluster, as the controller sees it: a worker of another kind."""

from __future__ import annotations

import time
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

import pytest
from tests.serve.running import sources

from smallcraft.serve.processes.settings import ServeSettings, WorkerLimits
from smallcraft.serve.ray.naming import release_name
from smallcraft.serve.ray.settings import RaySettings
from smallcraft.serve.ray.slots import ReleaseSlot, Seen


class AtOnce(Executor):
    """Calls in this thread."""

    def submit(self, fn, /, *args, **kwargs):
        done: Future = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except RuntimeError as error:
            done.set_exception(error)
        return done


@dataclass
class Cluster:
    """Applications in memory."""

    there: dict[str, Seen] = field(default_factory=dict)
    deployed: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    refuses: str = ""

    def seen(self, name):
        return self.there.get(name)

    def deploy(self, name, order, *, replicas, processors, most):
        if self.refuses:
            raise RuntimeError(self.refuses)
        self.deployed.append(name)
        self.there[name] = Seen(0)

    def delete(self, name):
        self.deleted.append(name)
        del self.there[name]


class Watcher:
    """What was told, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def worker_ready(self, slot):
        self.told.append("ready")

    def worker_gone(self, slot):
        self.told.append("gone")

    def worker_died(self, slot, box, reason):
        assert box is None
        self.told.append(reason)

    def worker_unloadable(self, slot, why):
        self.told.append(why)

    def worker_grew(self, slot, size_bytes):
        self.told.append("grew")
        return True


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return sources(tmp_path_factory.mktemp("bundles"))[0]


def made(release, tmp_path, **cluster):
    applications, watcher = Cluster(**cluster), Watcher()
    settings = ServeSettings(models=(release,), state=tmp_path, workers=WorkerLimits(memory_bytes=1000))
    slot = ReleaseSlot(
        release,
        watcher,
        applications=applications,
        calls=AtOnce(),
        server="server",
        settings=settings,
        on_ray=RaySettings(replicas=2),
    )
    return slot, applications, watcher


def loaded(slot, pid: int, size: int | None = 100) -> None:
    slot.hear({"kind": "loaded", "application": slot.application, "pid": pid, "memory_bytes": size})


def test_it_can_be_asked_from_the_first_replica_to_the_last(release, tmp_path):
    slot, cluster, watcher = made(release, tmp_path)
    name = release_name("server", release)
    assert cluster.deployed == [name]
    slot.look(0.0)
    assert (slot.is_ready, dict(slot.reach)) == (False, {})
    for running in (1, 2, 0, 1):
        cluster.there[name] = Seen(running)
        slot.look(0.0)
    assert watcher.told == ["ready", "gone", "ready"]
    assert slot.reach == {"application": name}


def test_each_start_beyond_the_first_ones_is_a_crash(release, tmp_path):
    slot, _, watcher = made(release, tmp_path)
    for pid in (11, 12):
        loaded(slot, pid)
    assert watcher.told == []
    loaded(slot, 13)
    assert watcher.told == ["crashed"]
    assert [pid for pid, _ in slot.readings()] == [12, 13]


def test_one_that_does_not_load_is_told_once_with_the_replicas_own_reason(release, tmp_path):
    slot, cluster, watcher = made(release, tmp_path)
    slot.hear({"kind": "failed", "application": slot.application, "reason": "its file is cut short"})
    cluster.there[slot.application] = Seen(0, "DEPLOY_FAILED, see the log")
    slot.look(0.0)
    assert watcher.told == ["its file is cut short"]


def test_what_serve_refuses_or_gives_up_is_a_failure_too(release, tmp_path):
    refused, _, watcher = made(release, tmp_path, refuses="no such cluster")
    refused.look(0.0)
    assert watcher.told == ["no such cluster"]
    slot, cluster, watcher = made(release, tmp_path)
    cluster.there[slot.application] = Seen(0, "it cannot be placed")
    slot.look(0.0)
    assert watcher.told == ["it cannot be placed"]


def test_a_replica_that_has_grown_is_told(release, tmp_path):
    slot, _, watcher = made(release, tmp_path)
    loaded(slot, 11)
    slot.hear({"kind": "size", "application": slot.application, "pid": 11, "memory_bytes": 1001})
    assert watcher.told == ["grew"]
    assert slot.readings() == [(11, 1001)]


def test_one_that_nobody_needs_ends_when_routers_have_heard_of_it(release, tmp_path):
    slot, cluster, _ = made(release, tmp_path)
    slot.stop()
    now = time.monotonic()
    slot.look(now)
    assert (cluster.deleted, slot.is_running, dict(slot.reach)) == ([], True, {})
    slot.look(now + 10.0)
    assert (cluster.deleted, slot.is_running, slot.has_left) == ([slot.application], False, True)
    slot.look(now + 20.0)
    assert len(cluster.deleted) == 1


def test_one_that_must_end_now_does_and_one_that_was_handed_over_ends_nothing(release, tmp_path):
    slot, cluster, _ = made(release, tmp_path)
    slot.kill()
    slot.look(time.monotonic())
    assert cluster.deleted == [slot.application]
    other, cluster, _ = made(release, tmp_path)
    other.stop()
    other.hand_over()
    other.kill()
    other.look(time.monotonic() + 10.0)
    assert cluster.deleted == []
