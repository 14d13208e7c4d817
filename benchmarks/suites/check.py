"""`smallcraft check` of a million labelled texts, without a backbone: what it costs, and what it finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.builds import PYTHON
from benchmarks.children.labelled_texts import CLASSES, WRONG_SHARE, write_labelled_texts
from benchmarks.process import run_child
from benchmarks.records import Row, Sample
from benchmarks.suites.suite import Found, Surroundings

_ROWS = 1_000_000
_CPU_S, _PEAK_MB = 360.0, 4 * 1024**3 / 1e6


def measure(around: Surroundings) -> Found:
    """One run: no peer does the whole of it."""
    rows = 5_000 if around.is_quick else _ROWS
    path, wrong = Path(around.work, "rows.csv"), Path(around.work, "wrong.npy")
    is_wrong = write_labelled_texts(path, rows)
    np.save(wrong, is_wrong)
    job = {"file": str(path), "wrong": str(wrong), "output": str(Path(around.work, "out"))}
    found = run_child(PYTHON, "check", job)
    planted = int(is_wrong.sum())
    return Found(
        about=(
            f"{rows:,} texts of up to 100 characters in {CLASSES} classes, {WRONG_SHARE:.0%} of the labels "
            f"wrong; seeded. Everything that the command does: reading, row checks, near copies, judging "
            f"({found['model']}), label issues, difficulty, page and findings. One run, one thread."
        ),
        rows=(
            Row("check of the whole file", "CPU-s", Sample(found["cpu_s"], 1), bar=_CPU_S, clock="cpu"),
            Row("peak memory of the process", "MB", Sample(found["peak_mb"], 1), bar=_PEAK_MB),
            Row(
                "planted wrong labels among the flagged rows",
                "share",
                Sample(found["recall"], planted, "planted"),
                sense="at_least",
            ),
            Row(
                "rows called wrong that are",
                "share",
                Sample(found["precision"], found["flagged"], "flagged"),
                sense="at_least",
            ),
        ),
        notes=("No peer has this command; its parts stand beside their peers in the other suites.",),
    )
