"""The same quantities from scikit-learn; its bootstrap draws row numbers and scores each sample."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from benchmarks.children.labels import draw_labels
from benchmarks.stopwatch import cpu_seconds, print_answer, read_job


def main() -> None:
    """Time each quantity; the bootstrap with few samples, as the job says."""
    job = read_job()
    n, samples = job["rows"], job["samples"]
    truth, first, second = draw_labels(n, job["classes"])
    rng = np.random.default_rng(0)
    drawn: list[float] = []

    def score(predicted: np.ndarray, rows: np.ndarray) -> float:
        return float(f1_score(truth[rows], predicted[rows], average="macro"))

    def interval() -> None:
        drawn.extend(score(first, rng.integers(0, n, n)) for _ in range(samples))

    def paired() -> None:
        for _ in range(samples):
            rows = rng.integers(0, n, n)
            score(first, rows), score(second, rows)

    def all_metrics() -> None:
        accuracy_score(truth, first), matthews_corrcoef(truth, first)
        f1_score(truth, first, average=None), f1_score(truth, first, average="macro")

    print_answer(
        {
            "metrics": cpu_seconds(all_metrics, repeats=3),
            "interval": cpu_seconds(interval, repeats=1),
            "paired": cpu_seconds(paired, repeats=1),
            "accuracy": float(accuracy_score(truth, first)),
            "macro_f1": float(f1_score(truth, first, average="macro")),
            "matthews": float(matthews_corrcoef(truth, first)),
            "spread": float(np.std(drawn, ddof=1)),
        }
    )


if __name__ == "__main__":
    main()
