"""Offline and Server: how much a bundle answers when rows come in batches, and when requests come unasked.

Offline gives rows per CPU-second in batches of a stated size. Server is an open loop: Poisson arrivals, one
worker, latency from the scheduled arrival, requests never answered counted as late; a search finds the
highest rate whose p99, as a 99 % upper bound, meets an objective, and a fresh process with other arrivals
confirms it.
Always: bounded in time; a rate is given only when it was confirmed; scenarios are never mixed in one number.
Not covered: several workers, a network, and waits that depend on each other (a queue remembers, so the bounds
of a Server percentile are those of its window, as in MLPerf).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.costs.latency import (
    BOUND_CONFIDENCE,
    MEAN_CONFIDENCE,
    cache_remark,
    percentile_measurement,
)
from smallcraft.evaluate.costs.processes import BUNDLE_OPENER, OPEN_LOOP, choose_inputs, run_probe
from smallcraft.records import Measurement
from smallcraft.stats.intervals import least_n_for_quantile, mean_interval

SERVER_PERCENTILES = (0.5, 0.9, 0.99, 0.999)
BATCH = 32

_SERVER_PERCENTILE = 0.99
_UNIQUE_INPUTS = 2000
_STEPS = 8
_MOST_REQUESTS = 20_000
# A backlog needs time to show: a run spans this many objectives at the rate of the capacity.
_OBJECTIVES_A_RUN = 10
_START_S = 60.0
_BACK_OFF = 0.9
_CONFIRMATIONS = 3


def measure_offline(
    bundle: Path,
    rows: Mapping[str, Sequence[object]],
    *,
    seed: int,
    batch: int = BATCH,
    processes: int = 3,
    seconds: float = 3.0,
    opener: str = BUNDLE_OPENER,
) -> tuple[Measurement, Measurement]:
    """`offline_rows_per_cpu_s` and `offline_rows_per_s`, in batches.

    Args:
        bundle: Its directory.
        rows: Input columns, equally long, at least one row.
        seed: Orders the inputs.
        batch: Rows in a batch, at least 1.
        processes: Fresh processes, at least 2.
        seconds: Timed, all processes together.
        opener: `module:function` that opens the bundle in the child.

    Raises:
        InvalidInputError: A bound above does not hold.
        BundleFormatError: The bundle fails in a fresh process.
    """
    if batch < 1 or processes < 2 or not seconds > 0:
        raise InvalidInputError(
            "offline needs a batch of at least 1, 2 processes and some seconds, "
            f"got {batch}, {processes} and {seconds}"
        )
    job = {
        "measure": "offline",
        "opener": opener,
        "bundle": str(bundle.resolve()),
        "rows": choose_inputs(rows, most=max(_UNIQUE_INPUTS, batch), seed=seed),
        "batch": batch,
        "most_batches": 100_000,
        "measure_s": seconds / processes,
    }
    results = [run_probe(job, limit_s=_START_S + seconds) for _ in range(processes)]
    return (
        _throughput("offline_rows_per_cpu_s", "rows/CPU-s", results, "cpu_ns", batch=batch),
        _throughput("offline_rows_per_s", "rows/s", results, "wall_ns", batch=batch),
    )


def measure_server(
    bundle: Path,
    rows: Mapping[str, Sequence[object]],
    *,
    seed: int,
    objective_ms: float,
    mean_ms: float,
    seconds: float = 60.0,
    opener: str = BUNDLE_OPENER,
) -> tuple[Measurement, ...]:
    """The highest rate whose p99 meets an objective, and the percentiles at that rate.

    Args:
        bundle: Its directory.
        rows: Input columns, equally long, at least one row.
        seed: Orders the inputs and draws the arrivals.
        objective_ms: p99 of the latency from the scheduled arrival, above 0.
        mean_ms: Of one request at a time; sets how many requests a run has.
        seconds: For the search and the confirmation together, start of the processes apart.
        opener: `module:function` that opens the bundle in the child.

    Returns:
        `max_rate_per_s` (low: the rate that was confirmed; high: the least that missed) and `server_p50_ms`,
        `server_p90_ms`, `server_p99_ms`, `server_p999_ms` at the confirmed rate; None where no rate was.

    Raises:
        InvalidInputError: A number that is not above 0.
        BundleFormatError: The bundle fails in a fresh process.
    """
    if not (objective_ms > 0 and mean_ms > 0 and seconds > 0):
        raise InvalidInputError(
            f"objective_ms, mean_ms and seconds must be above 0, got {objective_ms}, {mean_ms}, {seconds}"
        )
    requests = choose_requests(objective_ms, mean_ms=mean_ms, seconds=seconds)
    job = {
        "opener": opener,
        "bundle": str(bundle.resolve()),
        "rows": choose_inputs(rows, most=min(requests, _UNIQUE_INPUTS), seed=seed),
        "requests": requests,
        "objective_ms": objective_ms,
        "most_late": most_late(requests),
        "rate_per_s": None,
        "seconds": seconds * (1 - 1 / (_STEPS / 2)),
        "seed": seed,
    }
    found = run_probe(job, program=OPEN_LOOP, limit_s=_START_S + seconds)
    if found["met_per_s"] <= 0:
        return _unmet(objective_ms, requests, found)
    return _confirm({**job, "seconds": seconds / (_STEPS / 2)}, found)


def choose_requests(objective_ms: float, *, mean_ms: float, seconds: float) -> int:
    """Requests of one run: enough for p99 and to see a backlog, few enough for eight runs in the time.

    >>> choose_requests(5.0, mean_ms=10.0, seconds=60.0), choose_requests(5.0, mean_ms=0.1, seconds=60.0)
    (662, 20000)
    """
    least = least_n_for_quantile(_SERVER_PERCENTILE, BOUND_CONFIDENCE)
    in_time = int(seconds / _STEPS / 2 * 1000 / mean_ms)
    backlog = math.ceil(_OBJECTIVES_A_RUN * objective_ms / mean_ms)
    return max(least, min(_MOST_REQUESTS, in_time), backlog)


def most_late(requests: int, *, q: float = _SERVER_PERCENTILE) -> int:
    """How many requests over the objective leave the 99 % upper bound of the percentile within it.

    >>> most_late(662), most_late(6636, q=0.999)
    (1, 1)
    """
    return requests - 1 - int(scipy.stats.binom.ppf(BOUND_CONFIDENCE, requests, q))


def _confirm(job: dict[str, Any], found: Mapping[str, Any]) -> tuple[Measurement, ...]:
    """A fresh process with other arrivals; where the rate does not hold there, a tenth less is tried."""
    rate = float(found["met_per_s"])
    ended: list[float] = []
    for attempt in range(_CONFIRMATIONS):
        # The run may take twice its nominal time, so that a late backlog is seen and not cut off.
        fresh = {
            **job,
            "rate_per_s": rate,
            "seconds": 2 * job["requests"] / rate,
            "seed": [job["seed"], 1000 + attempt],
        }
        answer = run_probe(fresh, program=OPEN_LOOP, limit_s=_START_S + fresh["seconds"])
        latencies_ms = np.asarray(answer["latencies_ns"], dtype=np.float64) / 1e6
        latencies_ms[latencies_ms < 0] = np.inf
        late = int(np.count_nonzero(latencies_ms > job["objective_ms"]))
        if late <= job["most_late"]:
            return _confirmed(job, found, rate=rate, sorted_ms=np.sort(latencies_ms), late=late)
        ended.append(rate)
        rate *= _BACK_OFF
    return _unmet(job["objective_ms"], job["requests"], {**found, "missed_per_s": min(ended)})


def _confirmed(
    job: Mapping[str, Any],
    found: Mapping[str, Any],
    *,
    rate: float,
    sorted_ms: NDArray[np.float64],
    late: int,
) -> tuple[Measurement, ...]:
    requests = job["requests"]
    unique = len(next(iter(job["rows"].values())))
    notes = [f"{late} of {requests:,} requests late, counted from the scheduled arrival"]
    if unique < requests:
        notes.append(f"inputs repeat after {unique:,} different rows")
    detail = f"at {rate:.4g} requests a second, Poisson; " + "; ".join(notes)
    rate_found = Measurement(
        *("max_rate_per_s", rate, "1/s", requests, _rate_method(job["objective_ms"], found)),
        low=rate,
        high=float(found["missed_per_s"]),
        detail="; ".join(notes),
    )
    percentiles = (
        percentile_measurement(f"server_p{q * 100:g}_ms".replace(".", ""), sorted_ms, q, detail=detail)
        for q in SERVER_PERCENTILES
    )
    return (rate_found, *percentiles)


def _unmet(objective_ms: float, requests: int, found: Mapping[str, Any]) -> tuple[Measurement, ...]:
    why = (
        f"no rate was shown to keep p99 within {objective_ms:g} ms in the time given; the least rate that "
        f"missed is {found['missed_per_s']:.4g} a second; allow more seconds or a longer objective"
    )
    names = [f"server_p{q * 100:g}_ms".replace(".", "") for q in SERVER_PERCENTILES]
    return (
        Measurement(
            *("max_rate_per_s", None, "1/s", requests, _rate_method(objective_ms, found)),
            high=float(found["missed_per_s"]),
            detail=why,
        ),
        *(Measurement(name, None, "ms", 0, "", detail="no rate to measure it at") for name in names),
    )


def _rate_method(objective_ms: float, found: Mapping[str, Any]) -> str:
    return (
        f"open loop, one worker: highest rate with p99 <= {objective_ms:g} ms (99% upper bound); "
        f"{found['steps']} rates tried under a capacity of {found['capacity_per_s']:.4g}/s; "
        "low was confirmed in a fresh process, high missed"
    )


def _throughput(
    name: str, unit: str, results: Sequence[Mapping[str, Any]], clock: str, *, batch: int
) -> Measurement:
    rates = np.array([result["rows"] / max(result[clock], 1) * 1e9 for result in results])
    interval = mean_interval(rates, level=MEAN_CONFIDENCE)
    assert interval is not None
    repeats = any(result["batches"] > result["unique_batches"] for result in results)
    notes = [f"inputs repeat after {results[0]['unique_batches']} different batches"] if repeats else []
    notes += cache_remark(np.sort(np.concatenate([result["repeat_ratios"] for result in results])))
    return Measurement(
        *(name, float(rates.mean()), unit, sum(result["rows"] for result in results)),
        f"batch {batch}, mean of {len(results)} processes, Student t {MEAN_CONFIDENCE:.0%}",
        low=max(0.0, interval.low),
        high=interval.high,
        detail="; ".join(notes),
        level=MEAN_CONFIDENCE,
    )
