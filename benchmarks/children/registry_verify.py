"""Verifies a whole registry, every step: CPU-seconds."""

from __future__ import annotations

from pathlib import Path

from benchmarks.stopwatch import cpu_seconds, print_answer, read_job
from smallcraft.registry.opening import Trust
from smallcraft.registry.verify.registry import verify_registry


def main() -> None:
    """Once, in a fresh process, as `smallcraft verify` does."""
    job = read_job()
    trust = Trust(Path(job["trust"]))
    taken = cpu_seconds(lambda: verify_registry(Path(job["root"]), trust=trust), repeats=1)
    print_answer({"cpu_s": taken[0]})


if __name__ == "__main__":
    main()
