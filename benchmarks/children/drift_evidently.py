"""Evidently: its default drift test of every column, and its preset report.

Of windows the tests are called as the report calls them, since a report takes seconds; `report_agrees` makes
the report of some windows too and compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from evidently import Report
from evidently.legacy.calculations.stattests import get_stattest
from evidently.legacy.core import ColumnType
from evidently.presets import DataDriftPreset

from benchmarks.children.drift_table import as_frame, draw_table
from benchmarks.children.drift_windows import Alarms, Windows, answer_windows
from benchmarks.drift.streams import NAMES
from benchmarks.stopwatch import cpu_seconds, peak_rss_mb, print_answer, read_job

_DRIFT_SHARE, _COMPARED = 0.5, 2


def main() -> None:
    """Do what the job says."""
    job = read_job()
    if job["what"] == "windows":
        compared: list[bool] = []
        found = answer_windows(job, lambda reference, past: _prepare(reference, past, compared))
        print_answer(found | {"report_agrees": compared})
        return
    reference, current = (
        as_frame(*draw_table(job[rows], seed=seed)) for seed, rows in enumerate(("reference", "rows"))
    )
    took = cpu_seconds(
        lambda: Report([DataDriftPreset()]).run(current, reference).dict(), repeats=job["repeats"]
    )
    print_answer({"report": took, "peak_mb": peak_rss_mb()})


def _prepare(reference: Windows, past: Iterator[np.ndarray], compared: list[bool]) -> Any:
    del past
    old = pd.DataFrame(np.concatenate(reference), columns=NAMES)

    def judge(windows: Windows) -> Alarms:
        counts = [_drifted(old, pd.DataFrame(window, columns=NAMES)) for window in windows]
        compared.extend(
            _reported(old, pd.DataFrame(windows[place], columns=NAMES)) == counts[place]
            for place in range(_COMPARED - len(compared))
        )
        return {
            "Evidently, any column": [count >= 1 for count in counts],
            "Evidently, half of the columns": [count >= _DRIFT_SHARE * len(NAMES) for count in counts],
        }

    return judge


def _drifted(old: pd.DataFrame, new: pd.DataFrame) -> int:
    count = 0
    for name in NAMES:
        before, now = old[name].dropna(), new[name].dropna()
        test = get_stattest(before, now, ColumnType.Numerical, None)
        count += bool(test(before, now, ColumnType.Numerical, None).drifted)
    return count


def _reported(old: pd.DataFrame, new: pd.DataFrame) -> int:
    found = Report([DataDriftPreset()]).run(new, old).dict()
    return int(found["metrics"][0]["value"]["count"])


if __name__ == "__main__":
    main()
