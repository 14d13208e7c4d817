"""The machine: what it is, and whether it is quiet enough to measure time.

The same piece of work runs again and again, every other run called A and the others A'. They are the same, so
a ratio that excludes 1, or runs that differ among themselves, or waiting for the processor, is the machine's
own noise.
"""

from __future__ import annotations

import hashlib
import os
import platform
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from smallcraft.stats.intervals import quantile_lower_bound, quantile_upper_bound

_PAIRS = 60
_BLOCK = bytes(4 << 20)
_MOST_SPREAD = 1.25
_MOST_WAITING = 1.10


@dataclass(frozen=True)
class NoiseFloor:
    """What an A/A comparison found.

    Attributes:
        ratio: Median of A over A', wall time.
        low: Lower bound of the true median, 99 %.
        high: Upper bound.
        spread: 90th over 10th percentile of the wall times.
        waiting: Wall time over CPU time, median.
    """

    ratio: float
    low: float
    high: float
    spread: float
    waiting: float

    @property
    def is_noisy(self) -> bool:
        """True when times taken now are not to be trusted."""
        excludes_one = not self.low <= 1 <= self.high
        return excludes_one or self.spread > _MOST_SPREAD or self.waiting > _MOST_WAITING

    def sentence(self) -> str:
        """In words."""
        word = "NOISY" if self.is_noisy else "quiet"
        return (
            f"{word}: A/A ratio {self.ratio:.3f} [{self.low:.3f}, {self.high:.3f}], "
            f"p90/p10 {self.spread:.2f}, wall/CPU {self.waiting:.2f}"
        )


def describe_machine() -> Mapping[str, str]:
    """Processor, cores, system."""
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def load_average() -> str:
    """Processes that run or wait, over the last minute."""
    return f"{os.getloadavg()[0]:.2f}"


def now_text() -> str:
    """UTC, to the minute."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def measure_noise() -> NoiseFloor:
    """Compare a piece of work with itself; about a second."""
    _work()
    runs = [_work() for _ in range(2 * _PAIRS)]
    walls = np.array([wall for wall, _ in runs])
    ratios = np.sort(walls[0::2] / walls[1::2])
    low, high = (bound(ratios, 0.5, 0.99) for bound in (quantile_lower_bound, quantile_upper_bound))
    assert low is not None
    assert high is not None
    spread = float(np.quantile(walls, 0.9) / np.quantile(walls, 0.1))
    waiting = statistics.median(wall / cpu for wall, cpu in runs)
    return NoiseFloor(float(np.median(ratios)), low, high, spread, waiting)


def _work() -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    hashlib.sha256(_BLOCK).digest()
    return time.perf_counter() - wall, max(time.process_time() - cpu, 1e-9)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"
