"""The same quantities from scikit-learn; its bootstrap draws row numbers and scores each sample."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    f1_score,
    matthews_corrcoef,
    precision_score,
    recall_score,
    roc_auc_score,
)

from benchmarks.children.labels import draw_labels, draw_scores
from benchmarks.stopwatch import cpu_seconds, print_answer, read_job


def main() -> None:
    """Time each quantity; the bootstrap with few samples, as the job says."""
    job = read_job()
    n, samples = job["rows"], job["samples"]
    truth, first, second = draw_labels(n, job["classes"])
    is_positive, scores = draw_scores(n)
    rng = np.random.default_rng(job["seed"])
    drawn: list[float] = []
    gaps: list[float] = []

    def score(predicted: np.ndarray, rows: np.ndarray) -> float:
        return float(f1_score(truth[rows], predicted[rows], average="macro"))

    def interval() -> None:
        drawn.extend(score(first, rng.integers(0, n, n)) for _ in range(samples))

    def paired() -> None:
        for _ in range(samples):
            rows = rng.integers(0, n, n)
            gaps.append(score(first, rows) - score(second, rows))

    def all_metrics() -> dict[str, float]:
        return {
            "accuracy": accuracy_score(truth, first),
            "balanced_accuracy": balanced_accuracy_score(truth, first),
            "macro_f1": f1_score(truth, first, average="macro"),
            "weighted_f1": f1_score(truth, first, average="weighted"),
            "micro_f1": f1_score(truth, first, average="micro"),
            "macro_precision": precision_score(truth, first, average="macro"),
            "macro_recall": recall_score(truth, first, average="macro"),
            "matthews": matthews_corrcoef(truth, first),
            "kappa": cohen_kappa_score(truth, first),
        }

    print_answer(
        {
            "metrics": cpu_seconds(all_metrics, repeats=2),
            "interval": cpu_seconds(interval, repeats=1),
            "paired": cpu_seconds(paired, repeats=1),
            "area": cpu_seconds(lambda: roc_auc_score(is_positive, scores), repeats=2),
            "values": {name: float(value) for name, value in all_metrics().items()},
            "f1": f1_score(truth, first, average=None).tolist(),
            "auroc": float(roc_auc_score(is_positive, scores)),
            "drawn": drawn,
            "gaps": gaps,
        }
    )


if __name__ == "__main__":
    main()
