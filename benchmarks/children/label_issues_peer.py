"""The same from cleanlab: flags by confident learning, then its two scores and the predictions.

The joint is asked for outside the clock: cleanlab makes it on the way to the flags, but does not hand it out.
"""

from __future__ import annotations

import numpy as np
from cleanlab.count import compute_confident_joint, estimate_joint
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores

from benchmarks.children.probabilities import digest_of, draw_probabilities, extra_peak_mib
from benchmarks.stopwatch import cpu_seconds, print_answer, read_job


def main() -> None:
    """Warm up, measure memory, then time it."""
    job = read_job()
    labels, probs = draw_probabilities(job["rows"], job["classes"])

    def work(labels: np.ndarray = labels, probs: np.ndarray = probs) -> tuple[np.ndarray, ...]:
        return (
            find_label_issues(labels, probs, filter_by="confident_learning", n_jobs=1),
            get_label_quality_scores(labels, probs, method="self_confidence"),
            get_label_quality_scores(labels, probs, method="normalized_margin"),
            probs.argmax(axis=1),
        )

    work(labels[:1000], probs[:1000])
    memory = extra_peak_mib(work)
    flagged, _, _, predicted = work()
    counts = compute_confident_joint(labels, probs, calibrate=False)
    print_answer(
        {
            "all": cpu_seconds(work, repeats=job["repeats"]),
            "memory": memory,
            "flagged": int(flagged.sum()),
            "answer": digest_of(flagged, predicted, counts, estimate_joint(labels, probs)),
        }
    )


if __name__ == "__main__":
    main()
