"""Count metrics and their intervals from cells, in CPU-seconds."""

from __future__ import annotations

import numpy as np

from benchmarks.children.labels import draw_labels
from benchmarks.stopwatch import cpu_seconds, print_answer, read_job
from smallcraft.stats.cells import accuracy, count_cells, f1_by_class, macro_f1, macro_f1_interval, matthews
from smallcraft.stats.comparisons import paired_macro_f1_difference

_SLICES = 100


def main() -> None:
    """Time each quantity several times; the values go with them."""
    job = read_job()
    n, k, repeats = job["rows"], job["classes"], job["repeats"]
    truth, first, second = draw_labels(n, k)
    cells, both = count_cells(truth, first, k), count_cells(truth, first, k, second)

    def all_metrics() -> None:
        accuracy(cells), macro_f1(cells), f1_by_class(cells), matthews(cells)

    def interval() -> object:
        return macro_f1_interval(cells, rng=np.random.default_rng(0), replicates=1000)

    def paired() -> object:
        return paired_macro_f1_difference(both, rng=np.random.default_rng(0), replicates=1000)

    def slices() -> None:
        for part in range(_SLICES):
            found = count_cells(truth[part::_SLICES], first[part::_SLICES], k)
            accuracy(found), f1_by_class(found), matthews(found)
            macro_f1_interval(found, rng=np.random.default_rng(part), replicates=2000)

    bounds = macro_f1_interval(cells, rng=np.random.default_rng(0), replicates=1000)
    print_answer(
        {
            "pass": cpu_seconds(lambda: count_cells(truth, first, k), repeats=repeats),
            "read": cpu_seconds(lambda: (truth.sum(), first.sum()), repeats=repeats),
            "metrics": cpu_seconds(all_metrics, repeats=repeats),
            "interval": cpu_seconds(interval, repeats=repeats),
            "paired": cpu_seconds(paired, repeats=repeats),
            "slices": cpu_seconds(slices, repeats=max(1, repeats // 3)),
            "accuracy": accuracy(cells),
            "macro_f1": macro_f1(cells),
            "matthews": matthews(cells),
            "low": bounds.low,
            "high": bounds.high,
        }
    )


if __name__ == "__main__":
    main()
