"""Near-duplicates among embeddings: CPU-seconds, memory on top of the rows, recall of planted pairs."""

from __future__ import annotations

import numpy as np

from benchmarks.children.vectors import draw_vectors
from benchmarks.stopwatch import cpu_seconds, peak_rss_mb, print_answer, read_job
from smallcraft.stats.neighbours import cosine_pairs


def main() -> None:
    """Search a part first, which loads what is compiled; then time the whole search several times."""
    job = read_job()
    planted = draw_vectors(job["rows"], job["width"])
    cosine_pairs(planted.rows[:4_000], least=job["least"])
    before = peak_rss_mb()
    taken = cpu_seconds(lambda: cosine_pairs(planted.rows, least=job["least"]), repeats=job["repeats"])
    after = peak_rss_mb()
    pairs = cosine_pairs(planted.rows, least=job["least"])
    found = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    low, high = np.sort(np.stack([planted.originals, planted.copies]), axis=0)
    hits = sum(pair in found for pair in zip(low.tolist(), high.tolist(), strict=True))
    print_answer(
        {
            "cpu_s": taken,
            "extra_mb": None if before is None or after is None else after - before,
            "recall": hits / len(low),
            "planted": len(low),
            "pairs": len(found),
        }
    )


if __name__ == "__main__":
    main()
