"""One rung trained on a whole table, in a process of its own; what rungs share is remembered in its cache."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks.stopwatch import peak_rss_mb, print_answer, read_job
from smallcraft.data.load import load_table
from smallcraft.models.ladder import fit_rung
from smallcraft.models.workshop import no_progress
from smallcraft.pipeline.stages.train import open_workshop_of_rows
from smallcraft.records import Roles

# What a build gives a cascade to spend: a quarter of the default margin of 0.01.
_ROUTING = 0.0025


def main() -> None:
    """Train and write the bundle."""
    job = read_job()
    roles = Roles(label="label", text="text" if job["text"] else None, features=tuple(job["features"]))
    table = load_table(job["table"], roles)
    cache = Path(job["cache"])
    workshop = open_workshop_of_rows(
        table.ref, table.frame, seed=job["seed"], cache=cache, backbone="auto", progress=no_progress
    )
    attempt = fit_rung(job["rung"], replace(workshop, tolerance=_ROUTING), cache / "bundles", about={})
    assert attempt.bundle is not None
    size = sum(path.stat().st_size for path in attempt.bundle.rglob("*") if path.is_file())
    print_answer(
        {
            "bundle": str(attempt.bundle),
            "digest": attempt.digest,
            "train_cpu_s": attempt.train_cpu_s,
            "size_mb": size / 1e6,
            "peak_rss_mb": peak_rss_mb(),
        }
    )


if __name__ == "__main__":
    main()
