"""banking77: 77 intents of a bank's customers."""

from __future__ import annotations

from benchmarks.datasets import read_banking77
from benchmarks.suites.suite import Found, Surroundings
from benchmarks.suites.text import measure_text

BARS = {"accuracy": 94.0, "size_mb": 25.0, "mean_ms": 1.0, "p95_ms": 5.0, "train_cpu_s": 300.0}


def measure(around: Surroundings) -> Found:
    """The official split."""
    return measure_text(read_banking77(), around, bars=BARS)
