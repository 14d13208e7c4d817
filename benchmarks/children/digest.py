"""Digests one file in three ways: ours, the standard library's, and hashing bytes that are in memory."""

from __future__ import annotations

import hashlib
from pathlib import Path

from benchmarks.stopwatch import cpu_seconds, print_answer, read_job


def main() -> None:
    """CPU-seconds of each way, by turns."""
    from smallcraft.canonical import digest_file

    job = read_job()
    path = Path(job["file"])
    held = path.read_bytes()

    def by_standard_library() -> str:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    assert digest_file(path) == "sha256:" + by_standard_library()
    ways = {
        "ours": lambda: digest_file(path),
        "file_digest": by_standard_library,
        "in_memory": lambda: hashlib.sha256(held).digest(),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(job["repeats"]):
        for name, way in ways.items():
            found[name] += cpu_seconds(way, repeats=1)
    print_answer({"megabytes": len(held) / 1e6, **found})


if __name__ == "__main__":
    main()
