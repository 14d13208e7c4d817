"""NannyML: its calculators of drift, one column at a time and all together, with their default thresholds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"

import nannyml
import numpy as np
import pandas as pd

from benchmarks.children.drift_table import as_frame, draw_table
from benchmarks.children.drift_windows import Alarms, Windows, answer_windows
from benchmarks.drift.streams import NAMES, ROWS
from benchmarks.stopwatch import cpu_seconds, peak_rss_mb, print_answer, read_job


def main() -> None:
    """Do what the job says."""
    job = read_job()
    if job["what"] == "windows":
        print_answer(answer_windows(job, _prepare))
        return
    reference, current = (
        as_frame(*draw_table(job[rows], seed=seed)) for seed, rows in enumerate(("reference", "rows"))
    )

    def report() -> None:
        calculator = nannyml.UnivariateDriftCalculator(column_names=list(reference.columns), chunk_number=10)
        calculator.fit(reference)
        calculator.calculate(current).to_df()

    print_answer({"report": cpu_seconds(report, repeats=job["repeats"]), "peak_mb": peak_rss_mb()})


def _prepare(reference: Windows, past: Iterator[np.ndarray]) -> Callable[[Windows], Alarms]:
    """Its reference is the month before: thresholds come from the spread of a reference's chunks."""
    del reference
    before = _frame(list(past))
    one = nannyml.UnivariateDriftCalculator(column_names=list(NAMES), chunk_size=ROWS)
    together = nannyml.DataReconstructionDriftCalculator(column_names=list(NAMES), chunk_size=ROWS)
    one.fit(before)
    together.fit(before)

    def judge(windows: Windows) -> Alarms:
        frame = _frame(windows)
        by_column = one.calculate(frame).filter(period="analysis").to_df().xs("alert", axis=1, level=2)
        by_all = together.calculate(frame).filter(period="analysis").to_df()
        return {
            "NannyML, any column": [bool(alert) for alert in by_column.any(axis=1)],
            "NannyML, reconstruction": [bool(alert) for alert in by_all["reconstruction_error", "alert"]],
        }

    return judge


def _frame(windows: Windows) -> pd.DataFrame:
    return pd.DataFrame(np.concatenate(windows), columns=NAMES)


if __name__ == "__main__":
    main()
