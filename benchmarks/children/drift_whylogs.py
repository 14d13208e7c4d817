"""whylogs: profiles of rows as they come, and its default drift scores of two profiles."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import whylogs
from whylogs.core import DatasetProfile
from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores

from benchmarks.children.drift_table import as_frame, draw_table
from benchmarks.children.drift_windows import Alarms, Windows, answer_windows
from benchmarks.drift.streams import NAMES
from benchmarks.stopwatch import cpu_seconds, peak_rss_mb, print_answer, read_job


def main() -> None:
    """Do what the job says."""
    job = read_job()
    if job["what"] == "windows":
        print_answer(answer_windows(job, _prepare))
    elif job["what"] == "streaming":
        print_answer({"per_row_us": _streaming(job["rows"], job["repeats"])})
    else:
        reference, current = (
            as_frame(*draw_table(job[rows], seed=seed)) for seed, rows in enumerate(("reference", "rows"))
        )

        def report() -> None:
            old, new = (whylogs.log(pandas=frame).view() for frame in (reference, current))
            calculate_drift_scores(new, old, with_thresholds=True)

        print_answer({"report": cpu_seconds(report, repeats=job["repeats"]), "peak_mb": peak_rss_mb()})


def _streaming(rows: int, repeats: int) -> list[float]:
    """CPU-microseconds a row, each logged as it comes."""
    records = as_frame(*draw_table(rows, seed=0)).to_dict("records")
    found = []
    for _ in range(repeats):
        profile = DatasetProfile()
        began = time.process_time()
        for record in records:
            profile.track(record)
        profile.view()
        found.append(1e6 * (time.process_time() - began) / rows)
    return found


def _prepare(reference: Windows, past: Iterator[np.ndarray]) -> Callable[[Windows], Alarms]:
    del past
    old = _view(np.concatenate(reference))

    def judge(windows: Windows) -> Alarms:
        said = []
        for window in windows:
            scores = calculate_drift_scores(_view(window), old, with_thresholds=True)
            said.append(any(score and score["drift_category"] == "DRIFT" for score in scores.values()))
        return {"whylogs, any column": said}

    return judge


def _view(rows: np.ndarray) -> Any:
    return whylogs.log(pandas=pd.DataFrame(rows, columns=NAMES)).view()


if __name__ == "__main__":
    main()
