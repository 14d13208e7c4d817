"""A publisher is killed at every step it takes on the disk; the registry stays whole."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from smallcraft.registry.disk import Layout
from smallcraft.registry.store import Registry
from smallcraft.registry.verify import verify_registry

# Forks one publisher for every step, which kills itself just before (or just after) the step.
KILLER = """
import json, os, shutil, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from smallcraft.errors import SmallcraftError
from smallcraft.registry.store import Registry
from smallcraft.registry.verify import verify_registry

NOW = datetime(2026, 10, 1, tzinfo=UTC)
CALLS = ("write", "fsync", "fchmod", "open", "replace", "rename", "unlink", "mkdir")
FILES = {"bundle/model.onnx": b"new weights" * 99, "card.md": b"shared", "b/c.json": b"{}"}

def kill_at(step, when):
    taken = 0
    def wrap(call):
        def counted(*args, **kwargs):
            nonlocal taken
            taken += 1
            if taken == step and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            if taken == step and when == "halfway" and call is real["write"]:
                call(args[0], args[1][: len(args[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            is_mine = taken == step
            try:
                return call(*args, **kwargs)
            finally:
                if is_mine:
                    os.kill(os.getpid(), signal.SIGKILL)
        return counted
    real = {name: getattr(os, name) for name in CALLS}
    for name in CALLS:
        setattr(os, name, wrap(real[name]))

def labels(root):
    return [release.label for release in Registry.open(root).releases()]

def prepare(root):
    registry = Registry.create(root)
    for number in (1, 2):
        registry.publish("a", {"card.md": b"shared", "x": b"%d" % number}, {}, now=NOW)

def publish(root):
    Registry.open(root).publish("a", FILES, {"n": 3}, now=NOW)

def create(root):
    Registry.create(root)

def run(work, action, when):
    seen = []
    for step in range(1, 500):
        root = work / f"{when}-{step}"
        if action is publish:
            shutil.copytree(work / "start", root)
        child = os.fork()
        if child == 0:
            kill_at(step, when)
            action(root)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if action is create:
            Registry.create(root)
        after = labels(root)
        verify_registry(root)
        publish(root)
        verify_registry(root)
        seen.append({"killed": os.WIFSIGNALED(status), "after": after, "again": labels(root)})
        if not os.WIFSIGNALED(status):
            assert os.waitstatus_to_exitcode(status) == 0
            print(json.dumps(seen))
            return
        shutil.rmtree(root)

work = Path(sys.argv[1])
prepare(work / "start")
run(work, {"publish": publish, "create": create}[sys.argv[2]], sys.argv[3])
"""


def run_killer(tmp_path, action, when):
    done = subprocess.run(
        [sys.executable, "-c", KILLER, str(tmp_path), action, when],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "when",
    [
        "before",
        pytest.param("halfway", marks=pytest.mark.slow),
        pytest.param("after", marks=pytest.mark.slow),
    ],
)
def test_a_publish_killed_at_any_step_leaves_the_old_or_the_new_whole(tmp_path, when):
    steps = run_killer(tmp_path, "publish", when)
    old, new = ["a@1", "a@2"], ["a@1", "a@2", "a@3"]
    assert len(steps) > 40
    assert [step["killed"] for step in steps] == [True] * (len(steps) - 1) + [False]
    outcomes = [step["after"] for step in steps]
    commit = outcomes.index(new)
    assert outcomes[:commit] == [old] * commit
    assert outcomes[commit:] == [new] * (len(steps) - commit)
    assert commit > 30
    assert all(step["again"] == new for step in steps)


def test_a_creation_killed_at_any_step_can_be_repeated(tmp_path):
    steps = run_killer(tmp_path, "create", "before")
    assert len(steps) > 15
    assert all(step["after"] == [] for step in steps)
    assert all(step["again"] == ["a@1"] for step in steps)


PUBLISHER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from smallcraft.registry.store import Registry

root, worker = Path(sys.argv[1]), sys.argv[2]
for number in range(6):
    files = {"bundle/model.onnx": f"weights {worker} {number}".encode() * 999, "card.md": b"same"}
    release = Registry.open(root).publish("a", files, {}, now=datetime(2026, 10, 1, tzinfo=UTC))
    print(release.version)
"""


def test_publishers_at_the_same_time_each_get_their_own_version(tmp_path):
    root = Registry.create(tmp_path / "registry").root
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    publishers = [
        subprocess.Popen(
            [sys.executable, "-c", PUBLISHER, str(root), str(worker)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for worker in range(4)
    ]
    answers = [publisher.communicate()[0] for publisher in publishers]
    assert [publisher.returncode for publisher in publishers] == [0] * 4
    versions = [int(line) for answer in answers for line in answer.split()]
    assert sorted(versions) == list(range(1, 25))
    assert {s.name: s.count for s in verify_registry(root).steps}["log"] == 24


LIMITED = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from smallcraft.errors import SmallcraftError
from smallcraft.registry.store import Registry

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
files = {"a.json": b"{}", "bundle/model.onnx": bytes(200_000)}
try:
    Registry.open(Path(sys.argv[1])).publish("a", files, {}, now=datetime(2026, 10, 1, tzinfo=UTC))
except SmallcraftError as error:
    print(error)
"""


def test_a_write_the_disk_refuses_registers_nothing(registry):
    before = verify_registry(registry.root)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(registry.root)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "File too large" in done.stdout
    assert "publish again: that never registers twice" in done.stdout
    assert not any(Layout(registry.root).tmp.iterdir())
    assert verify_registry(registry.root) == before


def test_nothing_gets_its_name_before_it_is_synced_and_the_checkpoint_comes_last(registry, now, monkeypatch):
    """What a power cut may undo is ordered by syncs: files, their folders, then the commit."""
    layout = Layout(registry.root)
    real_sync, real_replace = os.fsync, os.replace
    synced, events = set(), []

    def sync(opened):
        path = str(Path(f"/proc/self/fd/{opened}").readlink())
        synced.add(path)
        events.append(("sync", path))
        real_sync(opened)

    def replace(source, target):
        assert str(source) in synced, f"{source} is renamed before it is synced"
        events.append(("name", str(target)))
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", replace)
    registry.publish("helpdesk", {"x.json": b"1", "y.json": b"2"}, {}, now=now)
    commit = events.index(("name", str(layout.checkpoint)))
    for folder, name in ((layout.blobs, "blobs"), (layout.entries, "entries")):
        named = [i for i, (_, path) in enumerate(events) if path.startswith(f"{folder}/")]
        assert named, name
        sync_after = events.index(("sync", str(folder)), max(named))
        assert max(named) < sync_after < commit
    assert ("sync", str(layout.log)) in events[commit:]
    assert events.index(("name", str(layout.intent))) < events.index(
        next(event for event in events if event[1].startswith(f"{layout.blobs}/"))
    )
    assert events.index(("name", str(layout.index))) > commit
