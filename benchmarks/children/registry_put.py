"""Publishes a folder as one release, durably: wall time and CPU-seconds."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.stopwatch import print_answer, read_job
from smallcraft.registry.opening import Trust
from smallcraft.registry.store import Registry


def main() -> None:
    """The registry is made first; the clock runs over `publish` alone."""
    job = read_job()
    source = Path(job["source"])
    registry = Registry.create(Path(job["root"]), trust=Trust(Path(job["trust"])))
    files = {
        f"bundle/{path.relative_to(source).as_posix()}": path for path in source.rglob("*") if path.is_file()
    }
    wall, cpu = time.perf_counter(), time.process_time()
    release = registry.publish("many", files, {"files": len(files)}, now=datetime.now(UTC))
    wall_s, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    assert len(release.files) >= len(files)
    print_answer({"wall_s": wall_s, "cpu_s": cpu_s})


if __name__ == "__main__":
    main()
