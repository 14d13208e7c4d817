"""Four metrics by group from fairlearn's MetricFrame: the points, and its bootstrap with few samples."""

from __future__ import annotations

from fairlearn.metrics import MetricFrame
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, matthews_corrcoef

from benchmarks.children.labels import draw_groups, draw_labels
from benchmarks.stopwatch import cpu_seconds, print_answer, read_job


def macro_f1(truth: object, predicted: object) -> float:
    """Macro-F1 under a name of its own."""
    return float(f1_score(truth, predicted, average="macro"))


_FOUR = {
    "accuracy": accuracy_score,
    "macro_f1": macro_f1,
    "balanced_accuracy": balanced_accuracy_score,
    "matthews": matthews_corrcoef,
}


def main() -> None:
    """Time the points of each group, and samples of them, as the job says."""
    job = read_job()
    n, groups = job["rows"], job["groups"]
    truth, first, _ = draw_labels(n, job["classes"])
    in_group = draw_groups(n, groups)

    def frame(**bootstrap: object) -> MetricFrame:
        made = MetricFrame(
            metrics=_FOUR, y_true=truth, y_pred=first, sensitive_features=in_group, **bootstrap
        )
        assert len(made.by_group) == groups  # computed when it is asked for
        return made

    def sampled() -> None:
        frame(n_boot=job["frames"], ci_quantiles=[0.025, 0.975], random_state=0)

    print_answer(
        {
            "groups": cpu_seconds(frame, repeats=1),
            "sampled": cpu_seconds(sampled, repeats=1),
            "by_group": frame().by_group[list(_FOUR)].to_numpy().tolist(),
        }
    )


if __name__ == "__main__":
    main()
