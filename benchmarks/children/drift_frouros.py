"""frouros: its two-sample tests and distances, a column at a time; it leaves the rule to the user.

The threshold is that of its quick start, p < .01.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from frouros.detectors.data_drift import KL, KSTest

from benchmarks.children.drift_table import draw_table
from benchmarks.children.drift_windows import Alarms, Windows, answer_windows
from benchmarks.stopwatch import cpu_seconds, peak_rss_mb, print_answer, read_job

_LEAST_P = 0.01


def main() -> None:
    """Do what the job says."""
    job = read_job()
    if job["what"] == "windows":
        print_answer(answer_windows(job, _prepare))
        return
    (reference, _), (current, _) = (
        draw_table(job[rows], seed=seed) for seed, rows in enumerate(("reference", "rows"))
    )

    def report() -> None:
        for old, new in zip(reference, current, strict=True):
            detector = KL()
            detector.fit(X=old)
            detector.compare(X=new)

    print_answer({"report": cpu_seconds(report, repeats=job["repeats"]), "peak_mb": peak_rss_mb()})


def _prepare(reference: Windows, past: Iterator[np.ndarray]) -> Callable[[Windows], Alarms]:
    del past
    detectors = []
    for column in np.concatenate(reference).T:
        detectors.append(KSTest())
        detectors[-1].fit(X=np.ascontiguousarray(column))

    def judge(windows: Windows) -> Alarms:
        return {"frouros, KS p < .01": [_least_p(detectors, window) < _LEAST_P for window in windows]}

    return judge


def _least_p(detectors: list[KSTest], window: np.ndarray) -> float:
    columns = zip(detectors, window.T, strict=True)
    found = [detector.compare(X=np.ascontiguousarray(column))[0].p_value for detector, column in columns]
    # A missing value makes p NaN, which is no alarm.
    return float(np.nanmin(found)) if not np.isnan(found).all() else 1.0


if __name__ == "__main__":
    main()
