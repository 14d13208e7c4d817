"""What a bundle costs to run: latency, CPU time, memory, size, in fresh single-threaded processes.

The rules: batch 1, the same seeded inputs with the real mix of lengths in every process; loading, the first
answer and the warm-up apart; a percentile only with so many requests that one is left above its upper bound
(64 for p90, 130 for p95, 662 for p99), and with order-statistic bounds of 99 % each. A run of no operation
beside it gives the machine's noise floor. Inputs seen before are sent again: a median speed-up shown to be
over 10 % means that answers are remembered, and is written into the detail.
Always: what was not measured is None with the reason; units stand in the names.
Left to others: requests at once, open-loop load, energy and money.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import BundleFormatError, InvalidInputError
from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.audits.probe import NO_OPERATION
from smallcraft.records import AuditResult, Measurement
from smallcraft.stats.intervals import (
    least_n_for_quantile,
    mean_interval,
    quantile_lower_bound,
    quantile_upper_bound,
)

BUNDLE_OPENER = "smallcraft.bundle:open_bundle"
BOUND_CONFIDENCE = 0.99
MEAN_CONFIDENCE = 0.95
PERCENTILES = (0.5, 0.9, 0.95, 0.99)
CACHE_SPEED_UP = 1.10
MEMORY_ROWS = 64

_REQUESTS_IN_ALL = 1000
_WARM_UP_ROWS = 200
_WARM_UP_S = 0.5
_MEASURE_S = 1.1
_REPEAT_S = 0.2
_MEMORY_S = 1.0
_NO_OPERATION_REQUESTS = 2000
_START_LIMIT_S = 60.0
_SINGLE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "RAYON_NUM_THREADS",
)


@dataclass(frozen=True)
class CostAudit:
    """The cost of a bundle as an audit: `measure_cost` with its usual settings."""

    name: str = "cost"

    def measure(self, subject: AuditSubject) -> AuditResult:
        """Costs belong to no split; only the inputs of the subject are used."""
        if subject.bundle is None:
            why = "needs a bundle: only a bundle ships"
            return AuditResult(
                self.name, f"not measured: {why}", (Measurement("mean_ms", None, "ms", 0, "", detail=why),)
            )
        costs = measure_cost(subject.bundle, subject.rows, seed=subject.seed)
        found = {measurement.name: measurement.value for measurement in costs}
        return AuditResult(
            self.name, f"{found['mean_ms']:.3g} ms a row, {found['size_mb']:.3g} MB on disk", costs
        )


@dataclass(frozen=True)
class ProbeRuns:
    """What the latency processes of one bundle reported, pooled; times in milliseconds."""

    latencies_ms: NDArray[np.float64]
    mean_ms: NDArray[np.float64]
    load_ms: NDArray[np.float64]
    first_ms: NDArray[np.float64]
    cpu_s_per_1000: NDArray[np.float64]
    repeat_ratios: NDArray[np.float64]
    remarks: tuple[str, ...]


def measure_cost(
    bundle: Path,
    rows: Mapping[str, Sequence[object]],
    *,
    processes: int = 5,
    seed: int,
    target_requests: int | None = None,
    opener: str = BUNDLE_OPENER,
) -> tuple[Measurement, ...]:
    """Measure one bundle; a few seconds for a quick one, about 15 for a slow one.

    Args:
        bundle: Its directory.
        rows: Input columns, equally long, at least one row; values that JSON can hold.
        processes: Fresh processes for latency, at least 2.
        seed: Orders the inputs.
        target_requests: Timed requests in all; None for 1,000, enough for p99. Time cuts it short.
        opener: `module:function` that opens the bundle in the child.

    Returns:
        `mean_ms`, `p50_ms`, `p90_ms`, `p95_ms`, `p99_ms`, `load_ms`, `first_ms`, `cpu_s_per_1000`,
        `peak_rss_mb`, `size_mb` and `noise_floor_ms`.

    Raises:
        InvalidInputError: No rows, unequal columns, or values that cannot be handed over.
        BundleFormatError: The bundle fails in a fresh process; the message has its last line.
    """
    if processes < 2:
        raise InvalidInputError(f"processes must be at least 2 to see their spread, got {processes}")
    wanted = _REQUESTS_IN_ALL if target_requests is None else target_requests
    if wanted < 1:
        raise InvalidInputError(f"target_requests must be at least 1, got {wanted}")
    requests = -(-wanted // processes)
    inputs = choose_inputs(rows, most=requests + _WARM_UP_ROWS, seed=seed)
    job = {
        "measure": "latency",
        "opener": opener,
        "bundle": str(bundle.resolve()),
        "rows": inputs,
        "requests": requests,
        "warm_up_s": _WARM_UP_S,
        "measure_s": _MEASURE_S,
        "repeat_s": _REPEAT_S,
    }
    floor = pool_runs([run_probe({**job, "opener": NO_OPERATION, "requests": _NO_OPERATION_REQUESTS})])
    runs = pool_runs([run_probe(job) for _ in range(processes)])
    few = {name: values[:MEMORY_ROWS] for name, values in inputs.items()}
    memory = run_probe({**job, "measure": "memory", "rows": few, "measure_s": _MEMORY_S})
    return (
        *summarise_runs(runs),
        _memory_measurement(memory["peak_rss_bytes"]),
        _size_measurement(bundle),
        _noise_floor(floor),
    )


def choose_inputs(rows: Mapping[str, Sequence[object]], *, most: int, seed: int) -> dict[str, list[object]]:
    """Different rows in a seeded order, `most` of them at most; their mix of lengths is that of the data.

    Raises:
        InvalidInputError: No columns or rows, or columns of unequal length.
    """
    lengths = {name: len(values) for name, values in rows.items()}
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        raise InvalidInputError(
            f"rows must be equally long columns with at least one row, got lengths {lengths}"
        )
    names = list(rows)
    seen: dict[str, None] = {}
    order = np.random.default_rng(seed).permutation(next(iter(lengths.values())))
    for i in order.tolist():
        seen[_row_text([rows[name][i] for name in names])] = None
        if len(seen) == most:
            break
    kept = [json.loads(text) for text in seen]
    return {name: [row[place] for row in kept] for place, name in enumerate(names)}


def run_probe(job: Mapping[str, Any]) -> dict[str, Any]:
    """Run one job in a fresh single-threaded interpreter.

    Raises:
        BundleFormatError: It ended with an error or took over a minute.
    """
    with tempfile.TemporaryDirectory(prefix="smallcraft-cost-") as folder:
        job_path, result_path = Path(folder, "job.json"), Path(folder, "result.json")
        job_path.write_text(json.dumps(job), encoding="utf-8")
        command = [
            sys.executable,
            "-P",
            str(Path(__file__).with_name("probe.py")),
            str(job_path),
            str(result_path),
        ]
        try:
            subprocess.run(
                command,
                check=True,
                capture_output=True,
                timeout=_START_LIMIT_S,
                env=_single_thread_environment(),
            )
        except subprocess.CalledProcessError as error:
            lines = error.stderr.decode("utf-8", "replace").strip().splitlines() or ["no message"]
            raise BundleFormatError(
                f"the bundle {job['bundle']} must load and answer in a fresh process, got: {lines[-1]}; "
                "open it by hand to see the whole traceback"
            ) from error
        except subprocess.TimeoutExpired as error:
            raise BundleFormatError(
                f"the bundle {job['bundle']} must load and answer within {_START_LIMIT_S:.0f} s in a fresh "
                "process and did not; is the machine busy, or the bundle too large?"
            ) from error
        result: dict[str, Any] = json.loads(result_path.read_text(encoding="utf-8"))
        return result


def pool_runs(results: Sequence[Mapping[str, Any]]) -> ProbeRuns:
    """Put the reports of the latency processes together."""
    latencies = [np.asarray(result["latencies_ns"], dtype=np.float64) / 1e6 for result in results]
    cpu = [result["cpu_ns"] / 1e9 / len(result["latencies_ns"]) * 1000 for result in results]
    remarks = []
    unsteady = sum(not result["is_steady"] for result in results)
    if unsteady:
        remarks.append(f"{unsteady} of {len(results)} processes did not come to rest while warming up")
    if any(result["unique_inputs"] < len(result["latencies_ns"]) for result in results):
        remarks.append(f"inputs repeat after {results[0]['unique_inputs']} different rows")
    return ProbeRuns(
        latencies_ms=np.sort(np.concatenate(latencies)),
        mean_ms=np.array([values.mean() for values in latencies]),
        load_ms=np.array([result["load_ns"] / 1e6 for result in results]),
        first_ms=np.array([result["first_ns"] / 1e6 for result in results]),
        cpu_s_per_1000=np.array(cpu),
        repeat_ratios=np.sort(np.concatenate([result["repeat_ratios"] for result in results])),
        remarks=tuple(remarks),
    )


def summarise_runs(runs: ProbeRuns) -> tuple[Measurement, ...]:
    """Latency, loading and CPU time of the pooled processes."""
    detail = "; ".join((*runs.remarks, *_cache_remark(runs.repeat_ratios)))
    n = len(runs.latencies_ms)
    return (
        _process_mean("mean_ms", "ms", runs.mean_ms, n=n, detail=detail),
        *(_percentile(runs.latencies_ms, q, detail=detail) for q in PERCENTILES),
        _process_median("load_ms", runs.load_ms, "import of the runtime and opening the bundle"),
        _process_median("first_ms", runs.first_ms, "first answer after opening"),
        _process_mean("cpu_s_per_1000", "s", runs.cpu_s_per_1000, n=n, detail=detail),
    )


def _percentile(latencies_ms: NDArray[np.float64], q: float, *, detail: str) -> Measurement:
    name, n = f"p{q * 100:g}_ms", len(latencies_ms)
    method = f"order statistics, {BOUND_CONFIDENCE:.0%} each bound"
    needed = least_n_for_quantile(max(q, 1 - q), BOUND_CONFIDENCE)
    if n < needed:
        short = f"needs {needed} timed requests, there were {n}"
        return Measurement(name, None, "ms", n, method, detail="; ".join(filter(None, (short, detail))))
    return Measurement(
        name,
        float(np.quantile(latencies_ms, q)),
        "ms",
        n,
        method,
        low=quantile_lower_bound(latencies_ms, q, BOUND_CONFIDENCE),
        high=quantile_upper_bound(latencies_ms, q, BOUND_CONFIDENCE),
        detail=detail,
    )


def _process_mean(name: str, unit: str, values: NDArray[np.float64], *, n: int, detail: str) -> Measurement:
    interval = mean_interval(values, level=MEAN_CONFIDENCE)
    return Measurement(
        name,
        float(values.mean()),
        unit,
        n,
        f"mean of {len(values)} processes, Student t {MEAN_CONFIDENCE:.0%}",
        low=None if interval is None else max(0.0, interval.low),
        high=None if interval is None else interval.high,
        detail=detail,
    )


def _process_median(name: str, values: NDArray[np.float64], what: str) -> Measurement:
    """Median over processes; least and greatest bound the true median with 1 - 2 ** (1 - n)."""
    covered = 1 - 2.0 ** (1 - len(values))
    return Measurement(
        name,
        float(np.median(values)),
        "ms",
        len(values),
        f"median of {len(values)} processes, least and greatest {covered:.1%}",
        low=float(values.min()),
        high=float(values.max()),
        detail=what,
    )


def _cache_remark(sorted_ratios: NDArray[np.float64]) -> tuple[str, ...]:
    least = quantile_lower_bound(sorted_ratios, 0.5, BOUND_CONFIDENCE)
    if least is None or least <= CACHE_SPEED_UP:
        return ()
    speed_up = float(np.median(sorted_ratios))
    return (f"answers look remembered: inputs seen before are {speed_up:.2g} times as fast",)


def _memory_measurement(peak_rss_bytes: int | None) -> Measurement:
    detail = "interpreter, runtime and bundle together"
    if peak_rss_bytes is None:
        detail = "this system does not report the peak resident memory of a process"
    value = None if peak_rss_bytes is None else peak_rss_bytes / 1e6
    return Measurement("peak_rss_mb", value, "MB", 1, "VmHWM of a fresh process", detail=detail)


def _size_measurement(bundle: Path) -> Measurement:
    files = [path for path in sorted(bundle.rglob("*")) if path.is_file()]
    size_bytes = sum(path.stat().st_size for path in files)
    return Measurement("size_mb", size_bytes / 1e6, "MB", len(files), "bytes of the files on disk / 1e6")


def _noise_floor(runs: ProbeRuns) -> Measurement:
    found = _percentile(runs.latencies_ms, 0.99, detail="")
    return Measurement(
        "noise_floor_ms",
        found.value,
        "ms",
        found.n,
        f"p99 of no operation, {found.method}",
        low=found.low,
        high=found.high,
        detail="the clock, the loop and the machine's interruptions, measured the same way",
    )


def _row_text(values: list[object]) -> str:
    try:
        return json.dumps(values)
    except TypeError as error:
        raise InvalidInputError(
            f"input values must be text, numbers, booleans or None, got {values!r}; convert them first"
        ) from error


def _single_thread_environment() -> dict[str, str]:
    paths = os.pathsep.join(path for path in sys.path if path)
    fixed = dict.fromkeys(_SINGLE_THREAD, "1")
    return {**os.environ, **fixed, "TOKENIZERS_PARALLELISM": "false", "PYTHONPATH": paths}
