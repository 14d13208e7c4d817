"""Time and memory of this process, with the standard library only: every child program measures with it.

Always: the clock's array is made before the clock starts; a request that only warms up is not timed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_WARM_UP = 200


def time_requests(answer: Callable[[Any], object], requests: Sequence[Any]) -> dict[str, Any]:
    """One request after the other: nanoseconds of each, and CPU-seconds for 1,000.

    The first 200 (or half, if there are fewer than 400) warm up, and are then timed like the others.
    """
    for request in requests[: min(_WARM_UP, len(requests) // 2)]:
        answer(request)
    taken, clock = [0] * len(requests), time.perf_counter_ns
    cpu_before = time.process_time()
    for place, request in enumerate(requests):
        before = clock()
        answer(request)
        taken[place] = clock() - before
    cpu_s = time.process_time() - cpu_before
    return {"latencies_ns": taken, "cpu_s_per_1000": 1000 * cpu_s / len(requests)}


def cpu_seconds(work: Callable[[], object], *, repeats: int) -> list[float]:
    """CPU-seconds of each of some runs."""
    found = []
    for _ in range(repeats):
        before = time.process_time()
        work()
        found.append(time.process_time() - before)
    return found


def peak_rss_mb() -> float | None:
    """Peak resident memory of this process in MB (1e6 bytes); None where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    for line in status.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return None


def read_job() -> dict[str, Any]:
    """The job this program was started with."""
    import json

    return dict(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))


def print_answer(answer: object) -> None:
    """The one line that the parent reads."""
    import json

    sys.stdout.write("\n" + json.dumps(answer) + "\n")
