"""Many writers and readers at the same time: each sees the old state or the new one, whole."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from smallcraft.registry.store import Registry
from smallcraft.registry.verify.registry import verify_registry

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
    "OMP_NUM_THREADS": "1",
}


PUBLISHER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from smallcraft.registry.store import Registry

root, worker = Path(sys.argv[1]), sys.argv[2]
now = datetime(2026, 10, 1, tzinfo=UTC)
for number in range(4):
    files = {"bundle/model.bin": f"weights {worker} {number}".encode() * 999, "bundle/c.json": b"{}"}
    release = Registry.open(root).publish("a", files, {}, now=now)
    Registry.open(root).set_alias("a", f"of-{worker}", release.version, now=now)
    print(release.version)
"""


def test_eight_publishers_at_the_same_time_each_get_their_own_version(tmp_path):
    root = Registry.create(tmp_path / "registry").root
    publishers = [
        subprocess.Popen(
            [sys.executable, "-c", PUBLISHER, str(root), str(worker)],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for worker in range(8)
    ]
    answers = [publisher.communicate() for publisher in publishers]
    assert [publisher.returncode for publisher in publishers] == [0] * 8, answers
    versions = [int(line) for answer, _ in answers for line in answer.split()]
    assert sorted(versions) == list(range(1, 33))
    # two keys, then a put and an alias each
    assert {s.name: s.count for s in verify_registry(root).steps}["log"] == 2 + 2 * 32
    aliases = Registry.open(root).log().state.aliases("a")
    assert aliases == {f"of-{n}": int(answer.split()[-1]) for n, (answer, _) in enumerate(answers)}


READER = """
import sys
from pathlib import Path
from smallcraft.registry.opening import Trust, open_log
from smallcraft.registry.content.disk import Layout
from smallcraft.registry.store import Registry

root, stop = Path(sys.argv[1]), Path(sys.argv[2])
print("ready", flush=True)
sizes, turns = [], 0
while not stop.exists():
    log = open_log(Layout(root), Trust())
    sizes.append(log.checkpoint.size)
    assert len(log.entries) == log.checkpoint.size
    assert [r.version for r in Registry.open(root).releases("a")][:1] == [1]
    turns += 1
assert sizes == sorted(sizes)
print(len(set(sizes)))
"""


def test_readers_see_the_old_state_or_the_new_while_a_writer_supersedes_tiles(memory_folder):
    """Over the border of a tile, where partial ones give way to a full one."""
    registry = Registry.create(memory_folder / "registry")
    now = datetime(2026, 10, 1, tzinfo=UTC)
    registry.publish("a", {"bundle/c.json": b"{}"}, {}, now=now)
    registry.record_trials("a", [b'{"n":%d}' % n for n in range(237)], now=now)
    stop = memory_folder / "stop"
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, str(registry.root), str(stop)],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for reader in readers:
        assert reader.stdout.readline() == "ready\n"
    for number in range(100):
        registry.record_trials("a", [b'{"later":%d}' % number], now=now)
    stop.touch()
    answers = [reader.communicate() for reader in readers]
    assert [reader.returncode for reader in readers] == [0, 0], answers
    assert all(int(answer) > 1 for answer, _ in answers)
    assert registry.log().checkpoint.size == 340
