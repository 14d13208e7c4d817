"""Does one thing to a registry over and over, killed at each step it takes on the disk; prints what is there.

Run as a script: folder, action, when. A step is a call of the operating system; it is killed before the call,
after it, or with half of a write done.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import smallcraft.registry.content.staging as staging
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.registry import verify_registry

NOW = datetime(2026, 10, 1, tzinfo=UTC)
CALLS = (
    "write",
    "fsync",
    "fchmod",
    "open",
    "replace",
    "rename",
    "unlink",
    "mkdir",
    "link",
    "rmdir",
    "readv",
)
FILES = {"bundle/model.bin": b"new weights" * 99, "evidence/shared.md": b"shared", "bundle/c.json": b"{}"}
MOST_STEPS = 1000


def kill_at(step: int, when: str) -> None:
    """From now on this process dies at its `step`th call."""
    taken = 0

    def wrap(name: str, call: Callable[..., object]) -> Callable[..., object]:
        def counted(*args: object, **kwargs: object) -> object:
            nonlocal taken
            taken += 1
            is_mine = taken == step
            if is_mine and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            if is_mine and when == "halfway" and name == "write":
                call(args[0], args[1][: len(args[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                return call(*args, **kwargs)
            finally:
                if is_mine:
                    os.kill(os.getpid(), signal.SIGKILL)

        return counted

    for name in CALLS:
        setattr(os, name, wrap(name, getattr(os, name)))
    staging._sync_filesystem = wrap("syncfs", staging._sync_filesystem)


def state_of(root: Path) -> dict[str, object]:
    """What a reader sees."""
    registry = Registry.open(root)
    log = registry.log()
    return {
        "labels": [release.label for release in registry.releases()],
        "stable": log.state.alias("a", "stable"),
        "retired": log.state.is_retired("a", 1),
        "decisions": sum(entry.kind == "decision" for entry in log.entries),
        "keys": len(log.keys),
    }


def prepare(root: Path) -> None:
    """Two versions, the second one in use."""
    registry = Registry.create(root)
    for number in (1, 2):
        files = {"evidence/shared.md": b"shared", "bundle/x.json": b"%d" % number}
        registry.publish("a", files, {}, now=NOW)
    registry.set_alias("a", "stable", 2, now=NOW)


def publish(root: Path) -> None:
    Registry.open(root).publish("a", FILES, {"n": 3}, now=NOW, trials=[b'{"tried":"x"}'])


def alias(root: Path) -> None:
    Registry.open(root).set_alias("a", "stable", 1, now=NOW)


def retire(root: Path) -> None:
    registry = Registry.open(root)
    if not registry.log().state.is_retired("a", 1):
        registry.retire("a", 1, erase=True, now=NOW)


def rotate(root: Path) -> None:
    Registry.open(root).rotate_key(NOW)


def create(root: Path) -> None:
    Registry.create(root)


ACTIONS = {"publish": publish, "alias": alias, "retire": retire, "rotate": rotate, "create": create}


def run(work: Path, action: Callable[[Path], None], when: str) -> list[dict[str, object]]:
    """Kill it at step 1, 2, ... until it comes through."""
    seen: list[dict[str, object]] = []
    for step in range(1, MOST_STEPS):
        case = work / f"{when}-{step}"
        case.mkdir()
        os.environ["SMALLCRAFT_CONFIG"] = str(case / "keys")
        if action is not create:
            shutil.copytree(work / "start", case / "registry")
            shutil.copytree(work / "keys", case / "keys")
        root = case / "registry"
        child = os.fork()
        if child == 0:
            kill_at(step, when)
            action(root)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if action is create:
            Registry.create(root)
        after = state_of(root)
        assert not any((root / "tmp").iterdir())
        verify_registry(root)
        action(root)
        again = state_of(root)
        publish(root)
        verify_registry(root)
        seen.append({"killed": os.WIFSIGNALED(status), "after": after, "again": again})
        shutil.rmtree(case)
        if not os.WIFSIGNALED(status):
            assert os.waitstatus_to_exitcode(status) == 0
            return seen
    raise AssertionError("it never came through")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    os.environ["SMALLCRAFT_CONFIG"] = str(folder / "keys")
    prepare(folder / "start")
    print(json.dumps(run(folder, ACTIONS[sys.argv[2]], sys.argv[3])))
