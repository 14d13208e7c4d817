"""Confident joint, flags, two scores and predictions of a table of probabilities, in CPU-seconds."""

from __future__ import annotations

import numpy as np

from benchmarks.children.probabilities import digest_of, draw_probabilities, extra_peak_mib
from benchmarks.stopwatch import cpu_seconds, print_answer, read_job
from smallcraft.stats.confident import count_confidently


def main() -> None:
    """Compile, measure memory, then time it beside reading the table twice."""
    job = read_job()
    labels, probs = draw_probabilities(job["rows"], job["classes"])
    count_confidently(labels[:1000], probs[:1000])
    memory = extra_peak_mib(lambda: count_confidently(labels, probs))
    found = count_confidently(labels, probs)
    words = probs.view(np.int64)
    taken: dict[str, list[float]] = {"all": [], "read": []}
    for _ in range(job["repeats"]):
        taken["all"] += cpu_seconds(lambda: count_confidently(labels, probs), repeats=1)
        taken["read"] += cpu_seconds(
            lambda: [np.bitwise_or.reduce(words, axis=None) for _ in range(2)], repeats=1
        )
    narrow = probs.astype(np.float32)
    count_confidently(labels[:1000], narrow[:1000])
    print_answer(
        {
            **taken,
            "float32": cpu_seconds(lambda: count_confidently(labels, narrow), repeats=job["repeats"]),
            "memory": memory,
            "flagged": int(found.flagged.sum()),
            "answer": digest_of(found.flagged, found.predicted, found.counts, found.joint),
        }
    )


if __name__ == "__main__":
    main()
