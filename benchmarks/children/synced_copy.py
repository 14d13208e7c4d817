"""Copies a folder so that every file survives a power cut: written, synced and named, one by one."""

from __future__ import annotations

import os
import time
from pathlib import Path

from benchmarks.stopwatch import print_answer, read_job


def main() -> None:
    """Wall time and CPU-seconds."""
    job = read_job()
    source, target = Path(job["source"]), Path(job["root"])
    paths = [path for path in source.rglob("*") if path.is_file()]
    target.mkdir()
    wall, cpu = time.perf_counter(), time.process_time()
    for number, path in enumerate(paths):
        waiting = target / "waiting"
        with waiting.open("wb") as stream:
            stream.write(path.read_bytes())
            stream.flush()
            os.fsync(stream.fileno())
        waiting.rename(target / f"{number}")
    _sync(target)
    print_answer({"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu})


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    os.fsync(opened)
    os.close(opened)


if __name__ == "__main__":
    main()
