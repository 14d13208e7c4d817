"""`smallcraft check` of a file of labelled texts, whole: CPU-seconds, peak memory, planted errors found."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.stopwatch import peak_rss_mb, print_answer, read_job
from smallcraft.pipeline.check_output import CheckOptions
from smallcraft.pipeline.checking import check_file


def main() -> None:
    """Check once, with what a first run pays: imports are not counted, loading compiled kernels is."""
    job = read_job()
    is_wrong = np.load(job["wrong"])
    before = time.process_time()
    done = check_file(job["file"], backbone="none", options=CheckOptions(output=Path(job["output"])), seed=0)
    taken = time.process_time() - before
    found = pl.read_parquet(done.findings).filter(pl.col("check") == "label_issues")
    called_wrong = found.filter(pl.col("kind") == "wrong")["line"].to_numpy()
    print_answer(
        {
            "cpu_s": taken,
            "peak_mb": peak_rss_mb(),
            "flagged": found.height,
            "recall": float(is_wrong[found["line"].to_numpy()].sum() / is_wrong.sum()),
            "precision": float(is_wrong[called_wrong].mean()),
            "model": done.report.model,
        }
    )


if __name__ == "__main__":
    main()
