"""Metrics and bootstrap intervals of a million rows: counted once into cells, beside scikit-learn."""

from __future__ import annotations

from typing import Any

from benchmarks.builds import PYTHON
from benchmarks.peers import SCIKIT_LEARN
from benchmarks.process import run_child
from benchmarks.records import Row, Sample, median_of
from benchmarks.suites.suite import Found, Surroundings

_PEER = "scikit-learn"
_ROWS, _CLASSES, _REPLICATES, _SAMPLES = 1_000_000, 10, 1000, 20
_SCORES = ("accuracy", "macro_f1", "matthews")


def measure(around: Surroundings) -> Found:
    """The same seeded labels in both."""
    rows = 20_000 if around.is_quick else _ROWS
    job = {"rows": rows, "classes": _CLASSES, "repeats": 9, "samples": 2 if around.is_quick else _SAMPLES}
    ours = [run_child(PYTHON, "cells", job)]
    python = around.python_of(SCIKIT_LEARN)
    peer = None if python is None else run_child(python, "cells_peer", job)
    ours.append(run_child(PYTHON, "cells", job))
    taken = {
        name: [cpu for run in ours for cpu in run[name]]
        for name in ("pass", "read", "metrics", "interval", "paired", "slices")
    }
    extrapolated = (
        f"scikit-learn's bootstrap ran {job['samples']} samples; its time for {_REPLICATES:,} is that time "
        f"x {_REPLICATES // job['samples']}, as each sample costs the same. It was not run in full."
    )
    return Found(
        about=(
            f"{rows:,} rows, {_CLASSES} classes of unequal size, predictions right for about 90 % and 89 "
            "%; seeded. CPU-seconds of one thread."
        ),
        rows=_rows(taken, peer, rows=rows, samples=job["samples"]),
        notes=(*_agreement(ours[0], peer), *([extrapolated] if peer else []), *around.absent),
    )


def _rows(
    taken: dict[str, list[float]], peer: dict[str, Any] | None, *, rows: int, samples: int
) -> tuple[Row, ...]:
    def theirs(name: str, scale: float = 1.0) -> dict[str, Sample]:
        return {} if peer is None else {_PEER: median_of([scale * cpu for cpu in peer[name]])}

    extrapolated = _REPLICATES / samples
    per_row = {name: median_of([1e9 * cpu / rows for cpu in taken[name]]) for name in ("pass", "read")}
    return (
        Row(
            "counting into cells, per row",
            "ns",
            per_row["pass"],
            bar=2.0,
            clock="cpu",
            floor=per_row["read"],
            floor_is="reading both columns once (a sum)",
        ),
        Row(
            "accuracy, macro-F1, F1 of each class, Matthews, from the cells",
            "CPU-s",
            median_of(taken["metrics"]),
            theirs("metrics"),
            bar=0.01,
            clock="cpu",
        ),
        Row(
            f"macro-F1, 95 % bootstrap interval, B = {_REPLICATES:,} (peer extrapolated)",
            "CPU-s",
            median_of(taken["interval"]),
            theirs("interval", extrapolated),
            bar=0.02,
            clock="cpu",
        ),
        Row(
            f"paired difference of two macro-F1, B = {_REPLICATES:,} (peer extrapolated)",
            "CPU-s",
            median_of(taken["paired"]),
            theirs("paired", extrapolated),
            bar=0.1,
            clock="cpu",
        ),
        Row(
            "100 slices: count, all of these metrics, macro-F1 interval with B = 2,000",
            "CPU-s",
            median_of(taken["slices"]),
            bar=2.0,
            clock="cpu",
        ),
    )


def _agreement(ours: dict[str, Any], peer: dict[str, Any] | None) -> tuple[str, ...]:
    if peer is None:
        return ()
    furthest = max(abs(ours[name] - peer[name]) for name in _SCORES)
    half, theirs = (ours["high"] - ours["low"]) / 2, 1.96 * peer["spread"]
    return (
        f"Accuracy, macro-F1 and Matthews differ from scikit-learn's by {furthest:.1e} at most.",
        f"Half our 95 % interval is {half:.2e} wide, 1.96 standard deviations of its samples {theirs:.2e}.",
    )
