"""Makes a busy project in a process of its own, with keys of its own."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.stopwatch import print_answer, read_job


def main() -> None:
    """Make the job's project; what it took."""
    from benchmarks.faces.busy_project import make_busy_project

    job = read_job()
    began = time.perf_counter()
    make_busy_project(
        Path(job["project"]),
        entries=job["entries"],
        windows=job["windows"],
        releases=job["releases"],
        seed=job["seed"],
    )
    print_answer({"wall_s": time.perf_counter() - began, "cpu_s": time.process_time()})


if __name__ == "__main__":
    main()
