"""The same quantities from torchmetrics, on one CPU thread; its bootstrap draws row numbers too."""

from __future__ import annotations

import numpy as np
import torch
from torchmetrics.functional.classification import (
    binary_auroc,
    multiclass_accuracy,
    multiclass_cohen_kappa,
    multiclass_f1_score,
    multiclass_matthews_corrcoef,
    multiclass_precision,
    multiclass_recall,
)

from benchmarks.children.labels import draw_labels, draw_scores
from benchmarks.stopwatch import cpu_seconds, print_answer, read_job


def main() -> None:
    """Time each quantity; the bootstrap with few samples, as the job says."""
    job = read_job()
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    n, k, samples = job["rows"], job["classes"], job["samples"]
    truth, first, second = (torch.from_numpy(column) for column in draw_labels(n, k))
    is_positive, scores = (torch.from_numpy(column) for column in draw_scores(n))
    maker = torch.Generator().manual_seed(job["seed"])
    drawn: list[float] = []
    gaps: list[float] = []

    def score(predicted: torch.Tensor, rows: torch.Tensor) -> float:
        return float(multiclass_f1_score(predicted[rows], truth[rows], num_classes=k, average="macro"))

    def interval() -> None:
        drawn.extend(score(first, torch.randint(n, (n,), generator=maker)) for _ in range(samples))

    def paired() -> None:
        for _ in range(samples):
            rows = torch.randint(n, (n,), generator=maker)
            gaps.append(score(first, rows) - score(second, rows))

    def all_metrics() -> dict[str, float]:
        sides, of = (first, truth), {"num_classes": k}
        return {
            "accuracy": multiclass_accuracy(*sides, **of, average="micro"),
            "balanced_accuracy": multiclass_accuracy(*sides, **of, average="macro"),
            "macro_f1": multiclass_f1_score(*sides, **of, average="macro"),
            "weighted_f1": multiclass_f1_score(*sides, **of, average="weighted"),
            "micro_f1": multiclass_f1_score(*sides, **of, average="micro"),
            "macro_precision": multiclass_precision(*sides, **of, average="macro"),
            "macro_recall": multiclass_recall(*sides, **of, average="macro"),
            "matthews": multiclass_matthews_corrcoef(*sides, **of),
            "kappa": multiclass_cohen_kappa(*sides, **of),
        }

    print_answer(
        {
            "metrics": cpu_seconds(all_metrics, repeats=2),
            "interval": cpu_seconds(interval, repeats=1),
            "paired": cpu_seconds(paired, repeats=1),
            "area": cpu_seconds(lambda: binary_auroc(scores, is_positive.int()), repeats=2),
            "values": {name: float(value) for name, value in all_metrics().items()},
            "f1": multiclass_f1_score(first, truth, num_classes=k, average="none").tolist(),
            "auroc": float(binary_auroc(scores, is_positive.int())),
            "drawn": drawn,
            "gaps": gaps,
            "threads": np.int64(torch.get_num_threads()).item(),
        }
    )


if __name__ == "__main__":
    main()
