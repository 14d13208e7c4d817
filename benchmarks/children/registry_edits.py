"""Publishes an encoder's weights and then an edit of them: bytes added to the store, speed of the plan."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.stopwatch import print_answer, read_job
from smallcraft.canonical import digest_bytes
from smallcraft.registry.content.blocks import Parent, plan
from smallcraft.registry.content.tensors import cut
from smallcraft.registry.opening import Trust
from smallcraft.registry.store import Registry
from smallcraft.registry.tlog.entry import Content

_PATH = "bundle/model.safetensors"


def main() -> None:
    """For each edit: what `blobs/` grew by, and CPU-seconds of hashing the file and planning its blocks."""
    job = read_job()
    before = Path(job["before"])
    found = {}
    for edit, after in job["edits"].items():
        root = Path(job["root"], edit.replace(" ", "-"))
        registry = Registry.create(root, trust=Trust(Path(job["trust"])))
        _publish(registry, before)
        held = _stored(root)
        _publish(registry, Path(after))
        assert registry.read_file(registry.read("encoder@2"), _PATH) == Path(after).read_bytes()
        found[edit] = {
            "added_bytes": _stored(root) - held,
            "cpu_s": _plan(before, Path(after), job["repeats"]),
        }
    print_answer(found)


def _publish(registry: Registry, weights: Path) -> None:
    registry.publish("encoder", {_PATH: weights}, {}, now=datetime(2026, 10, 1, tzinfo=UTC))


def _stored(root: Path) -> int:
    return sum(path.stat().st_size for path in (root / "blobs").rglob("*") if path.is_file())


def _plan(before: Path, after: Path, repeats: int) -> list[float]:
    old, new = before.read_bytes(), memoryview(after.read_bytes())
    content = Content(digest_bytes(old), len(old))
    parent = Parent(content, memoryview(old), tuple(cut(memoryview(old), path=_PATH)))
    taken = []
    for _ in range(repeats):
        started = time.process_time()
        digest = "sha256:" + hashlib.sha256(new).hexdigest()
        made = plan(new, [parent], path=_PATH, digest=digest)
        taken.append(time.process_time() - started)
        assert made is not None
    return taken


if __name__ == "__main__":
    main()
