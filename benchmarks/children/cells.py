"""Count metrics, slices and their intervals from cells, in CPU-seconds."""

from __future__ import annotations

import numpy as np

from benchmarks.children.labels import draw_groups, draw_labels, draw_scores
from benchmarks.stopwatch import cpu_seconds, print_answer, read_job
from smallcraft.stats.auroc import roc_area, roc_area_interval
from smallcraft.stats.cell_bootstrap import draw_samples, metric_interval
from smallcraft.stats.cells import class_counts, count_cells
from smallcraft.stats.class_metrics import (
    COUNT_METRICS,
    accuracy,
    balanced_accuracy,
    f1_scores,
    macro_f1,
    matthews,
    precisions,
    recalls,
)
from smallcraft.stats.comparisons import paired_macro_f1_difference
from smallcraft.stats.score_bins import bin_scores, binned_roc_areas, count_score_bins
from smallcraft.stats.sliced_cells import count_sliced_cells, sliced_intervals, sliced_metrics

_SLICES = 100
_FOUR = (accuracy, macro_f1, balanced_accuracy, matthews)


def main() -> None:
    """Time each quantity several times; the values go with them."""
    job = read_job()
    n, k, groups, repeats = job["rows"], job["classes"], job["groups"], job["repeats"]
    truth, first, second = draw_labels(n, k)
    is_positive, scores = draw_scores(n)
    in_hundred, in_group, whole = np.arange(n) % _SLICES, draw_groups(n, groups), np.zeros(n, dtype=np.int64)
    cells, both = count_cells(truth, first, k), count_cells(truth, first, k, second)
    every = list(COUNT_METRICS.values())

    def all_metrics() -> None:
        found = class_counts(cells)
        [metric(found) for metric in every], f1_scores(found), precisions(found), recalls(found)

    def interval() -> object:
        return metric_interval(cells, macro_f1, rng=np.random.default_rng(0), replicates=job["replicates"])

    def paired() -> object:
        rng = np.random.default_rng(0)
        return paired_macro_f1_difference(both, rng=rng, replicates=job["replicates"])

    def slices() -> object:
        sliced, rng = count_sliced_cells(truth, first, k, in_hundred, _SLICES), np.random.default_rng(0)
        return sliced_metrics(sliced, every), sliced_intervals(sliced, every, rng=rng, replicates=2000)

    def by_group() -> object:
        sliced, rng = count_sliced_cells(truth, first, k, in_group, groups), np.random.default_rng(0)
        return sliced_metrics(sliced, _FOUR), sliced_intervals(sliced, _FOUR, rng=rng, replicates=1000)

    def binned_area() -> object:
        table = count_score_bins(is_positive, bin_scores(scores), whole, 1)
        return binned_roc_areas(table)

    # Once each before the clock starts: compiled loops are loaded.
    for work in (interval, paired, slices, by_group):
        work()
    bounds, area = interval(), roc_area(is_positive, scores)
    binned, found = binned_area(), class_counts(cells)
    print_answer(
        {
            "pass": cpu_seconds(lambda: count_cells(truth, first, k), repeats=repeats),
            "read": cpu_seconds(lambda: (truth.sum(), first.sum()), repeats=repeats),
            "metrics": cpu_seconds(all_metrics, repeats=repeats),
            "interval": cpu_seconds(interval, repeats=repeats),
            "paired": cpu_seconds(paired, repeats=repeats),
            "slices": cpu_seconds(slices, repeats=max(1, repeats // 3)),
            "groups": cpu_seconds(by_group, repeats=repeats),
            "area": cpu_seconds(lambda: roc_area_interval(roc_area(is_positive, scores)), repeats=repeats),
            "binned": cpu_seconds(binned_area, repeats=repeats),
            "values": {name: float(metric(found)) for name, metric in COUNT_METRICS.items()},
            "f1": f1_scores(found).tolist(),
            "by_group": by_group()[0].tolist(),
            "auroc": area.value,
            "binned_gap": abs(float(binned.value[0]) - area.value),
            "binned_bound": float(binned.bound[0]),
            "low": bounds.low,
            "high": bounds.high,
            "spread": _spread(cells, job["replicates"]),
            "paired_spread": _spread(both, job["replicates"]),
        }
    )


def _spread(cells: object, replicates: int) -> float:
    """Standard deviation of macro-F1, or of its difference, over bootstrap samples."""
    drawn = [macro_f1(side) for side in draw_samples(cells, replicates, rng=np.random.default_rng(1)).drawn]
    return float(np.std(drawn[0] - drawn[1] if len(drawn) == 2 else drawn[0], ddof=1))


if __name__ == "__main__":
    main()
