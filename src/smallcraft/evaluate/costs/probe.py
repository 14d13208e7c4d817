"""The child process of the cost measurements: opens one bundle, answers, and writes what it took.

Run as a script in a fresh interpreter: `python -P probe.py JOB RESULT`, both JSON files. The job says what is
measured: `latency` (one row at a time), `memory`, `offline` (batches) or `windows` (answers for as long as it
is told, for a counter of energy). Needs the standard library, numpy and what the opener imports
(`smallcraft.bundle`), so that memory and loading are the bundle's own.
Always: latencies go into an array allocated before the clock starts; loading, the first answer and the
warm-up are timed apart from the steady state.
"""

from __future__ import annotations

import gc
import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

BLOCK_REQUESTS = 20
STEADY_WITHIN = 0.02
REPEATED_INPUTS = 100
FLOOR_REQUESTS = 400

Row = Mapping[str, Sequence[object]]


class Predictor(Protocol):
    """What the probe needs of an opened bundle."""

    def predict_proba(self, rows: Any) -> object:  # noqa: ANN401 - the bundle's own row type
        """Probabilities of the rows given, a mapping of column to values."""


class NoOperation:
    """Answers nothing: what the clock and the loop cost by themselves."""

    def predict_proba(self, rows: Any) -> object:  # noqa: ANN401, ARG002
        """None, at once."""
        return None


def main(job_path: str, result_path: str) -> None:
    """Run the job in one file and write the result to the other."""
    job = json.loads(Path(job_path).read_text(encoding="utf-8"))
    Path(result_path).write_text(json.dumps(MEASURES[job["measure"]](job)), encoding="utf-8")


def measure_latency(job: Mapping[str, Any]) -> dict[str, Any]:
    """Load, first answer, warm-up, then one request at a time until the target or the time is reached.

    The first third of the inputs, and 20 requests at least, is for warming up; the rest is timed and has not
    been seen by the bundle before, as far as there are enough different rows.
    """
    rows = split_rows(job["rows"])
    # (1) cold start
    started = time.perf_counter_ns()
    predict = open_predictor(job["opener"], job["bundle"]).predict_proba
    loaded = time.perf_counter_ns()
    predict(rows[0])
    first = time.perf_counter_ns()
    # (2) warm-up on rows that are not timed later
    n_warm = max(1, min(len(rows) // 3, 200))
    warm, timed = rows[:n_warm], rows[n_warm:] or rows
    warm_requests, is_steady = warm_up(predict, warm, seconds=job["warm_up_s"])
    # (3) steady state, unique inputs
    gc.collect()
    cpu_before = time.process_time_ns()
    latencies = time_requests(predict, timed, most=job["requests"], seconds=job["measure_s"])
    cpu_ns = time.process_time_ns() - cpu_before
    # (4) the last of them again: a system that remembers answers is faster now
    again = latencies[-REPEATED_INPUTS:]
    seen = [timed[i % len(timed)] for i in range(len(latencies) - len(again), len(latencies))]
    repeated = time_requests(predict, seen, most=len(seen), seconds=job["repeat_s"])
    # (5) the same loop around nothing: what the clock and the machine's interruptions are worth here
    nothing = time_requests(NoOperation().predict_proba, timed, most=FLOOR_REQUESTS, seconds=job["repeat_s"])
    return {
        "load_ns": loaded - started,
        "first_ns": first - loaded,
        "latencies_ns": latencies.tolist(),
        "cpu_ns": cpu_ns,
        "repeat_ratios": (again[: len(repeated)] / np.maximum(repeated, 1)).tolist(),
        "nothing_ns": nothing.tolist(),
        "unique_inputs": min(len(timed), len(latencies)),
        "warm_up_requests": warm_requests,
        "is_steady": is_steady,
    }


def measure_memory(job: Mapping[str, Any]) -> dict[str, Any]:
    """Load the bundle, answer the rows, and read the peak resident memory of this process."""
    rows = split_rows(job["rows"])
    predict = open_predictor(job["opener"], job["bundle"]).predict_proba
    time_requests(predict, rows, most=len(rows), seconds=job["measure_s"])
    return {"peak_rss_bytes": peak_rss_bytes()}


def measure_offline(job: Mapping[str, Any]) -> dict[str, Any]:
    """Load, warm up with one batch, then batches until the time is over: rows, wall and CPU time."""
    batches = split_batches(job["rows"], job["batch"])
    predict = open_predictor(job["opener"], job["bundle"]).predict_proba
    predict(batches[0])
    gc.collect()
    cpu_before, started = time.process_time_ns(), time.perf_counter_ns()
    latencies = time_requests(predict, batches, most=job["most_batches"], seconds=job["measure_s"])
    wall_ns, cpu_ns = time.perf_counter_ns() - started, time.process_time_ns() - cpu_before
    # The second time round, as far as it got: a system that remembers answers is faster then.
    again = latencies[len(batches) : 2 * len(batches)]
    return {
        "wall_ns": wall_ns,
        "cpu_ns": cpu_ns,
        "rows": len(latencies) * job["batch"],
        "unique_batches": len(batches),
        "batches": len(latencies),
        "repeat_ratios": (latencies[: len(again)] / np.maximum(again, 1)).tolist(),
    }


def answer_windows(job: Mapping[str, Any]) -> dict[str, Any]:
    """Load, warm up, say `ready`; then for each line of standard input answer for so many seconds.

    After each it says how many answers that were.

    Returns:
        How many answers it gave in all.
    """
    rows = split_rows(job["rows"])
    predict = open_predictor(job["opener"], job["bundle"]).predict_proba
    warm_up(predict, rows, seconds=job["warm_up_s"])
    _say("ready")
    total = 0
    for line in sys.stdin:
        answers, deadline = 0, time.perf_counter() + float(line)
        while time.perf_counter() < deadline:
            predict(rows[answers % len(rows)])
            answers += 1
        total += answers
        _say(str(answers))
    return {"answers": total}


def _say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def open_predictor(opener: str, bundle: str) -> Predictor:
    """Call `module:function` with the bundle's path; importing the runtime counts as loading."""
    module, _, function = opener.partition(":")
    opened: Predictor = getattr(importlib.import_module(module), function)(Path(bundle))
    return opened


def split_rows(columns: Mapping[str, Sequence[object]]) -> list[Row]:
    """One mapping of column to a single value for each row, so that building it is not timed."""
    length = len(next(iter(columns.values())))
    return [{name: [values[i]] for name, values in columns.items()} for i in range(length)]


def split_batches(columns: Mapping[str, Sequence[object]], batch: int) -> list[Row]:
    """Whole batches of rows in order; where there is not even one, rows are taken again to fill it."""
    length = len(next(iter(columns.values())))
    starts = range(0, max(length - batch, 0) + 1, batch)
    return [
        {name: [values[(start + i) % length] for i in range(batch)] for name, values in columns.items()}
        for start in starts
    ]


def warm_up(predict: Callable[[Any], object], rows: Sequence[Row], *, seconds: float) -> tuple[int, bool]:
    """Answer until the rolling median of three blocks moves by less than 2 %, or the time is over.

    Returns:
        Requests made, and whether it came to rest.
    """
    medians: list[float] = []
    rolling: list[float] = []
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        block = time_requests(predict, rows, most=BLOCK_REQUESTS, seconds=deadline - time.perf_counter())
        medians.append(statistics.median(block.tolist()))
        if len(medians) >= 3:
            rolling.append(statistics.median(medians[-3:]))
        if len(rolling) >= 2 and abs(rolling[-1] / max(rolling[-2], 1) - 1) < STEADY_WITHIN:
            return len(medians) * BLOCK_REQUESTS, True
    return len(medians) * BLOCK_REQUESTS, False


def time_requests(
    predict: Callable[[Any], object], rows: Sequence[Row], *, most: int, seconds: float
) -> NDArray[np.int64]:
    """Latency of each request in nanoseconds, at least one, rows taken in turn."""
    latencies = np.zeros(max(most, 1), dtype=np.int64)
    clock, n_rows, done = time.perf_counter_ns, len(rows), 0
    deadline = clock() + int(max(seconds, 0) * 1e9)
    while done < len(latencies):
        row = rows[done % n_rows]
        before = clock()
        predict(row)
        after = clock()
        latencies[done] = after - before
        done += 1
        if after > deadline:
            break
    return latencies[:done]


def peak_rss_bytes() -> int | None:
    """VmHWM of this process; None where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    for line in status.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


MEASURES: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "latency": measure_latency,
    "memory": measure_memory,
    "offline": measure_offline,
    "windows": answer_windows,
}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
