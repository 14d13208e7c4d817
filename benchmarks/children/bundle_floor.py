"""What nobody can open a bundle without: importing its three packages, reading and hashing its files.

Creating the onnxruntime session over the same bytes comes on top and is onnxruntime's own.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from benchmarks.stopwatch import peak_rss_mb, print_answer, read_job


def main() -> None:
    """Seconds of both, and the memory they leave behind."""
    job = read_job()
    import numpy  # noqa: F401
    import onnxruntime  # noqa: F401
    import tokenizers  # noqa: F401

    imported_mb, started = peak_rss_mb(), time.perf_counter()
    held = [path.read_bytes() for path in sorted(Path(job["bundle"]).rglob("*")) if path.is_file()]
    for data in held:
        hashlib.sha256(data).digest()
    print_answer(
        {
            "open_s": time.perf_counter() - started,
            "imported_mb": imported_mb,
            "peak_rss_mb": peak_rss_mb(),
        }
    )


if __name__ == "__main__":
    main()
