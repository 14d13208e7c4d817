"""Near-duplicates among the same embeddings by cleanlab's Datalab."""

from __future__ import annotations

import contextlib
import io

import numpy as np
from cleanlab import Datalab

from benchmarks.children.vectors import draw_vectors
from benchmarks.stopwatch import cpu_seconds, peak_rss_mb, print_answer, read_job


def main() -> None:
    """Time the search once; a planted pair counts as found when one row lists the other."""
    job = read_job()
    planted = draw_vectors(job["rows"], job["width"])
    lab = Datalab({"row": list(range(job["rows"]))})

    def search() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            lab.find_issues(features=planted.rows, issue_types={"near_duplicate": {}})

    before = peak_rss_mb()
    taken = cpu_seconds(search, repeats=1)
    after = peak_rss_mb()
    sets = lab.get_issues("near_duplicate")["near_duplicate_sets"]
    hits = sum(
        copy in np.asarray(sets[original]) or original in np.asarray(sets[copy])
        for original, copy in zip(planted.originals.tolist(), planted.copies.tolist(), strict=True)
    )
    print_answer(
        {
            "cpu_s": taken,
            "extra_mb": None if before is None or after is None else after - before,
            "recall": hits / len(planted.originals),
        }
    )


if __name__ == "__main__":
    main()
