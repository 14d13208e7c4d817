"""Reads and hashes every file of a folder with the standard library: what verifying cannot go below."""

from __future__ import annotations

import hashlib
from pathlib import Path

from benchmarks.stopwatch import cpu_seconds, print_answer, read_job


def main() -> None:
    """CPU-seconds of SHA-256 over all files, read by MiB."""
    job = read_job()
    buffer = memoryview(bytearray(1 << 20))

    def hash_all() -> None:
        for path in sorted(Path(job["source"]).rglob("*.safetensors")):
            hasher = hashlib.sha256()
            with path.open("rb", buffering=0) as stream:
                while size := stream.readinto(buffer):
                    hasher.update(buffer[:size])
            hasher.digest()

    print_answer({"cpu_s": cpu_seconds(hash_all, repeats=1)[0]})


if __name__ == "__main__":
    main()
