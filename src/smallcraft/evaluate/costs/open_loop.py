"""The child process of the Server scenario: requests come when they come, and each waits for its turn.

Run as a script in a fresh interpreter: `python -P open_loop.py JOB RESULT`, both JSON files. Arrivals are a
Poisson stream drawn before the clock starts; one worker answers them in order. A latency counts from the
moment a request was *due*, not from the moment the worker got to it, so a stall is felt by every request that
was due meanwhile (no coordinated omission). A request that is due and not answered when the run ends is late
for good: -1. The search halves the range of rates by how many requests are late: at most `most_late` of the
`requests` is the same as a 99 % upper bound of p99 within the objective.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.evaluate.costs.probe import Row, open_predictor, split_rows, warm_up

UNANSWERED = -1
CLOSE_ENOUGH = 1.05
_SPIN_NS = 1_000_000
_WARM_UP_S = 0.5
_CAPACITY_NS = 500_000_000
_CAPACITY_REQUESTS = 2000
# A rate far under the capacity that still misses: the objective itself is out of reach.
_LEAST_SHARE_OF_CAPACITY = 1 / 64

Predict = Callable[[Any], object]
Clock = Callable[[], int]


def main(job_path: str, result_path: str) -> None:
    """Run the job in one file and write the result to the other."""
    job = json.loads(Path(job_path).read_text(encoding="utf-8"))
    Path(result_path).write_text(json.dumps(measure_server(job)), encoding="utf-8")


def measure_server(job: Mapping[str, Any]) -> dict[str, Any]:
    """Load, warm up, then either search for a rate or run at the one given.

    Returns:
        Of a search: `capacity_per_s` (the inverse of the mean service time), `met_per_s`, `missed_per_s` and
        `steps`. Of a run: `latencies_ns` from the scheduled arrival, -1 for a request never answered.
    """
    rows = split_rows(job["rows"])
    predict = open_predictor(job["opener"], job["bundle"]).predict_proba
    warm_up(predict, rows, seconds=_WARM_UP_S)
    if job["rate_per_s"] is None:
        return search_rate(predict, rows, job)
    arrivals = draw_arrivals(job["requests"], job["rate_per_s"], seed=job["seed"])
    limit_ns = int(job["seconds"] * 1e9)
    return {"latencies_ns": serve_arrivals(predict, rows, arrivals, limit_ns=limit_ns).tolist()}


def draw_arrivals(requests: int, rate_per_s: float, *, seed: int | Sequence[int]) -> NDArray[np.int64]:
    """When each request is due, nanoseconds from the start: a Poisson stream."""
    gaps = np.random.default_rng(seed).exponential(1e9 / rate_per_s, size=requests)
    return np.cumsum(gaps).astype(np.int64)


def wait_until(due_ns: int, *, clock: Clock = time.perf_counter_ns) -> None:
    """Sleep until a millisecond before, then look at the clock: sleeping alone is late by as much."""
    left = due_ns - clock()
    if left > _SPIN_NS:
        time.sleep((left - _SPIN_NS) / 1e9)
    while clock() < due_ns:
        pass


def serve_arrivals(
    predict: Predict,
    rows: Sequence[Row],
    arrivals_ns: NDArray[np.int64],
    *,
    limit_ns: int,
    give_up: Callable[[int], bool] = lambda latency_ns: False,  # noqa: ARG005 - never
    clock: Clock = time.perf_counter_ns,
    wait: Callable[[int], None] = wait_until,
) -> NDArray[np.int64]:
    """Answer requests in the order they are due, one at a time.

    Args:
        predict: Answers one row.
        rows: Taken in turn.
        arrivals_ns: `(n,)` ascending, from the start.
        limit_ns: When the run ends; requests due later or not begun by then stay unanswered.
        give_up: Asked with each latency; True ends the run.
        clock: In nanoseconds.
        wait: Returns when the clock shows at least its argument.

    Returns:
        `(n,)` latencies in nanoseconds from the scheduled arrival, -1 for a request never answered.
    """
    latencies = np.full(len(arrivals_ns), UNANSWERED, dtype=np.int64)
    due, n_rows = arrivals_ns.tolist(), len(rows)
    start = clock()
    for i, offset in enumerate(due):
        if offset > limit_ns or clock() - start > limit_ns:
            break
        wait(start + offset)
        predict(rows[i % n_rows])
        latency = clock() - start - offset
        latencies[i] = latency
        if give_up(latency):
            break
    return latencies


class LateCounter:
    """Counts answers over the objective, and says when they are too many."""

    def __init__(self, objective_ns: int, most_late: int) -> None:
        self.objective_ns, self.most_late, self.late = objective_ns, most_late, 0

    def __call__(self, latency_ns: int) -> bool:
        """Count one answer; True when the run cannot meet the objective any more."""
        self.late += latency_ns > self.objective_ns
        return self.late > self.most_late


def meets(latencies_ns: NDArray[np.int64], objective_ns: int, most_late: int) -> bool:
    """True when few enough requests were late or never answered."""
    late = np.count_nonzero((latencies_ns > objective_ns) | (latencies_ns == UNANSWERED))
    return bool(late <= most_late)


def search_rate(
    predict: Predict,
    rows: Sequence[Row],
    job: Mapping[str, Any],
    *,
    clock: Clock = time.perf_counter_ns,
    wait: Callable[[int], None] = wait_until,
) -> dict[str, Any]:
    """The highest rate under the capacity that meets the objective, by halving the range down to 5 %.

    Every rate gets arrivals of its own. A rate whose requests do not fit into the time left is not tried.
    """
    objective_ns, requests = int(job["objective_ms"] * 1e6), int(job["requests"])
    deadline = clock() + int(job["seconds"] * 1e9)
    capacity = measure_capacity(predict, rows, clock=clock)
    met, missed, steps = 0.0, capacity, 0
    while missed > met * CLOSE_ENOUGH and missed > capacity * _LEAST_SHARE_OF_CAPACITY:
        rate = (met + missed) / 2
        left_ns = deadline - clock()
        if requests / rate * 1e9 > left_ns:
            break
        steps += 1
        arrivals = draw_arrivals(requests, rate, seed=[job["seed"], steps])
        counter = LateCounter(objective_ns, job["most_late"])
        found = serve_arrivals(
            *(predict, rows, arrivals), limit_ns=left_ns, give_up=counter, clock=clock, wait=wait
        )
        if meets(found, objective_ns, job["most_late"]):
            met = rate
        else:
            missed = rate
    return {"capacity_per_s": capacity, "met_per_s": met, "missed_per_s": missed, "steps": steps}


def measure_capacity(predict: Predict, rows: Sequence[Row], *, clock: Clock) -> float:
    """Answers a second of one request after the other: no higher rate can last."""
    started, answers = clock(), 0
    while answers < _CAPACITY_REQUESTS and clock() - started < _CAPACITY_NS:
        predict(rows[answers % len(rows)])
        answers += 1
    return answers * 1e9 / max(clock() - started, 1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
