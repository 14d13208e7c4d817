"""clinc150: 150 intents of an assistant, in scope."""

from __future__ import annotations

from benchmarks.datasets import read_clinc150
from benchmarks.suites.suite import Found, Surroundings
from benchmarks.suites.text import measure_text

BARS = {"accuracy": 95.5}


def measure(around: Surroundings) -> Found:
    """The official `train` and `val` as labelled rows; the build makes its own dev."""
    return measure_text(read_clinc150(), around, bars=BARS)
