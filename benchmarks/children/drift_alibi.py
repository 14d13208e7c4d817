"""alibi-detect: its detectors of drift in tables, with their default p-value and correction."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from alibi_detect.cd import KSDrift, TabularDrift

from benchmarks.children.drift_table import NUMBERS, STRINGS, VALUES, draw_table
from benchmarks.children.drift_windows import Alarms, Windows, answer_windows
from benchmarks.stopwatch import cpu_seconds, peak_rss_mb, print_answer, read_job


def main() -> None:
    """Do what the job says."""
    job = read_job()
    if job["what"] == "windows":
        print_answer(answer_windows(job, _prepare))
        return
    reference, current = (_table(job[rows], seed=seed) for seed, rows in enumerate(("reference", "rows")))
    categories = {NUMBERS + place: VALUES for place in range(STRINGS)}

    def report() -> None:
        TabularDrift(reference, categories_per_feature=categories).predict(current)

    print_answer({"report": cpu_seconds(report, repeats=job["repeats"]), "peak_mb": peak_rss_mb()})


def _table(rows: int, *, seed: int) -> np.ndarray:
    """Rows by columns; it takes strings as codes."""
    return np.concatenate(draw_table(rows, seed=seed)).T


def _prepare(reference: Windows, past: Iterator[np.ndarray]) -> Callable[[Windows], Alarms]:
    del past
    detector = KSDrift(np.concatenate(reference))

    def judge(windows: Windows) -> Alarms:
        said = [
            bool(detector.predict(np.ascontiguousarray(window))["data"]["is_drift"]) for window in windows
        ]
        return {"alibi-detect, KS": said}

    return judge


if __name__ == "__main__":
    main()
