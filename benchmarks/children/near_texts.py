"""Near-duplicates among texts: CPU-seconds, peak memory of the process with its texts, recall."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from benchmarks.stopwatch import peak_rss_mb, print_answer, read_job
from smallcraft.data.duplicates import duplicate_groups


def main() -> None:
    """Search a few texts first, which loads what is compiled; then all of them, once."""
    job = read_job()
    duplicate_groups(["one text", "one test", "another"], similarity=0.5)
    texts = Path(job["file"]).read_text(encoding="utf-8").splitlines()
    held = peak_rss_mb()
    before = time.process_time()
    groups = duplicate_groups(texts)
    taken = time.process_time() - before
    count = job["planted"]
    print_answer(
        {
            "cpu_s": taken,
            "peak_mb": peak_rss_mb(),
            "held_mb": held,
            "recall": float(np.mean(groups[:count] == groups[-count:])),
            "letters": sum(map(len, texts)) / len(texts),
        }
    )


if __name__ == "__main__":
    main()
