"""What decoding Parquet files takes with one thread: the floor of everything that reads them."""

from __future__ import annotations

import os
import time
from pathlib import Path

from benchmarks.stopwatch import print_answer, read_job


def main() -> None:
    """Read every file once."""
    # Read when polars is loaded.
    os.environ["POLARS_MAX_THREADS"] = "1"
    import polars as pl

    job = read_job()
    paths = sorted(path for folder in job["folders"] for path in Path(folder).glob("*.parquet"))
    pl.read_parquet(paths[0])
    began, rows = time.process_time(), 0
    for path in paths:
        rows += pl.read_parquet(path).height
    print_answer({"cpu_s": time.process_time() - began, "rows": rows})


if __name__ == "__main__":
    main()
