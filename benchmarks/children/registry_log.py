"""The log: entries appended in memory, proofs from a large log, durable appends to a registry."""

from __future__ import annotations

import os
import random
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.stopwatch import print_answer, read_job
from smallcraft.registry.opening import Trust
from smallcraft.registry.store import Registry
from smallcraft.registry.tlog import tree
from smallcraft.registry.tlog.entry import Content, Entry, encode_entry
from smallcraft.registry.tlog.tiles import TileLog

_NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)


def main() -> None:
    """Each part on its own."""
    job = read_job()
    entries = _entries(job["entries"])
    print_answer(
        {
            "appends_per_cpu_s": [_append_rate(entries) for _ in range(job["repeats"])],
            "hashes_per_cpu_s": [_hash_rate(entries) for _ in range(job["repeats"])],
            "proof_s": _proof_seconds(entries, job["proofs"]),
            "append_s": _durable_appends(Path(job["root"]), Path(job["trust"]), job["appends"]),
            "fsync_s": _fsyncs(Path(job["root"]), job["appends"]),
        }
    )


def _entries(count: int) -> list[bytes]:
    """Encoded `put` entries, as a registry writes them."""
    digest, other = "sha256:" + "ab" * 32, "sha256:" + "cd" * 32
    made = Entry(
        "smallcraft.local/bench",
        "put",
        "2026-10-01T12:00:00Z",
        name="tickets",
        version=1,
        manifest=Content(digest, 533),
        prev=digest,
        attestations=(digest, other),
        by=digest,
    )
    text = encode_entry(made)
    return [text.replace(b'"version":1', b'"version":%d' % number) for number in range(1, count + 1)]


def _append_rate(entries: list[bytes]) -> float:
    started = time.process_time()
    TileLog({}.__getitem__, 0).append(entries)
    return len(entries) / (time.process_time() - started)


def _hash_rate(entries: list[bytes]) -> float:
    started = time.process_time()
    for entry in entries:
        tree.leaf_hash(entry)
    return len(entries) / (time.process_time() - started)


def _proof_seconds(entries: list[bytes], count: int) -> list[float]:
    """Each proof on a log that was opened before and has read none of its tiles yet but those of others."""
    appended = TileLog({}.__getitem__, 0).append(entries)
    log = TileLog(appended.files.__getitem__, appended.size, root=appended.root)
    rng = random.Random(0)
    taken = []
    for _ in range(count):
        index = rng.randrange(appended.size)
        started = time.perf_counter()
        log.inclusion(index)
        taken.append(time.perf_counter() - started)
    return taken


def _durable_appends(root: Path, trust: Path, count: int) -> list[float]:
    """An alias is moved: one entry, from the lock to the synced checkpoint."""
    registry = Registry.create(root / "appends", trust=Trust(trust))
    for version in (1, 2):
        registry.publish("tickets", {"bundle/a.txt": b"version %d" % version}, {}, now=_NOW)
    taken = []
    for number in range(count):
        started = time.perf_counter()
        registry.set_alias("tickets", "stable", 1 + number % 2, now=_NOW)
        taken.append(time.perf_counter() - started)
    return taken


def _fsyncs(root: Path, count: int) -> list[float]:
    """One small file written, synced and renamed over the last one, and its folder synced."""
    folder = root / "fsyncs"
    folder.mkdir()
    opened = os.open(folder, os.O_RDONLY)
    taken = []
    for _ in range(count):
        started = time.perf_counter()
        with (folder / "new").open("wb") as stream:
            stream.write(bytes(500))
            stream.flush()
            os.fsync(stream.fileno())
        (folder / "new").rename(folder / "now")
        os.fsync(opened)
        taken.append(time.perf_counter() - started)
    os.close(opened)
    return taken


if __name__ == "__main__":
    main()
