"""Latency, CPU time and memory of serving one row at a time: contestants in turn, each in fresh processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.process import in_turn
from benchmarks.records import Clock, Row, Sample, median_of

OURS = "smallcraft"
_PERCENTILES = (50, 95, 99)


def serving_rows(
    contestants: Mapping[str, Callable[[], dict[str, Any]]], *, rounds: int, bars: Mapping[str, float]
) -> tuple[Row, ...]:
    """Run every contestant in every round and set what they took side by side.

    Args:
        contestants: Name to a run of its latency child; one is called `smallcraft`.
        rounds: How often each runs.
        bars: `mean_ms`, `p95_ms`, ... to the bar.
    """
    found = in_turn(contestants, rounds=rounds)
    quantities: list[tuple[str, str, str, Clock, Callable[[dict[str, Any]], float]]] = [
        (
            "mean_ms",
            "mean latency, batch 1",
            "ms",
            "wall",
            lambda run: float(np.mean(run["latencies_ns"])) / 1e6,
        ),
        *(
            (f"p{q}_ms", f"p{q} latency, batch 1", "ms", "wall", lambda run, q=q: _percentile_ms(run, q))
            for q in _PERCENTILES
        ),
        ("cpu_s_per_1000", "CPU per 1,000 answers", "CPU-s", "cpu", lambda run: run["cpu_s_per_1000"]),
        ("peak_rss_mb", "peak memory of the serving process", "MB", "none", lambda run: run["peak_rss_mb"]),
    ]
    return tuple(
        side_by_side(what, unit, found, read, bar=bars.get(name), clock=clock)
        for name, what, unit, clock, read in quantities
    )


def side_by_side(
    what: str,
    unit: str,
    found: Mapping[str, Sequence[dict[str, Any]]],
    read: Callable[[dict[str, Any]], float],
    *,
    bar: float | None,
    clock: Clock,
) -> Row:
    """One quantity of several runs of every contestant."""
    samples = {name: median_of([read(run) for run in runs], of=_kind(runs)) for name, runs in found.items()}
    ours: Sample = samples.pop(OURS)
    return Row(what, unit, ours, samples, bar=bar, clock=clock)


def _kind(runs: Sequence[dict[str, Any]]) -> str:
    requests = len(runs[0].get("latencies_ns", ()))
    return f"runs of {requests:,} requests" if requests else "runs"


def _percentile_ms(run: dict[str, Any], q: float) -> float:
    return float(np.percentile(run["latencies_ns"], q)) / 1e6
