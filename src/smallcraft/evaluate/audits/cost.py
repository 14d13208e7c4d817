"""What a bundle costs to run: latency, CPU time, memory, size, in fresh single-threaded processes.

The rules: batch 1, the same seeded inputs with the real mix of lengths in every process; loading, the first
answer and the warm-up apart; percentiles only with enough requests. No operation, timed by the same loop in
each process, gives the machine's noise floor; the processes are two halves in ABBA order, and where the
halves differ the detail of a latency opens with `A/A unsteady:`. Inputs seen before are sent again: a median
speed-up shown to be over 10 % means that answers are remembered, and is written into the detail.
`measure_cost` is quick, for every rung of a build; `measure_scenarios` adds batches, requests at a rate,
energy and money.
Always: what was not measured is None with the reason; units stand in the names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.costs.energy import (
    REPEATS,
    WINDOW_S,
    EnergyCounter,
    estimate_energy,
    find_nvml,
    find_powercap,
)
from smallcraft.evaluate.costs.latency import (
    ProbeRuns,
    latency_job,
    percentile_measurement,
    pool_runs,
    summarise_runs,
)
from smallcraft.evaluate.costs.money import PriceSheet, measure_money
from smallcraft.evaluate.costs.parameters import count_parameters
from smallcraft.evaluate.costs.processes import BUNDLE_OPENER, choose_inputs, run_probe
from smallcraft.evaluate.costs.scenarios import BATCH, measure_offline, measure_server
from smallcraft.evaluate.costs.windows import measure_energy
from smallcraft.records import AuditResult, Measurement

MEMORY_ROWS = 64

_REQUESTS_IN_ALL = 1000
_WARM_UP_ROWS = 200
# Timed in all processes together.
_MEASURE_S = 5.5
_MEMORY_S = 1.0


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


def measure_cost(
    bundle: Path,
    rows: Mapping[str, Sequence[object]],
    *,
    processes: int = 3,
    seed: int,
    target_requests: int | None = None,
    opener: str = BUNDLE_OPENER,
) -> tuple[Measurement, ...]:
    """Measure one bundle; a few seconds for a quick one, about 15 for a slow one.

    Args:
        bundle: Its directory.
        rows: Input columns, equally long, at least one row; values that JSON can hold.
        processes: Fresh processes for latency, at least 2; fixed beforehand, so that intervals hold.
        seed: Orders the inputs.
        target_requests: Timed requests in all; None for 1,000, enough for p99. Time cuts it short.
        opener: `module:function` that opens the bundle in the child.

    Returns:
        `mean_ms`, `p50_ms`, `p90_ms`, `p95_ms`, `p99_ms`, `load_ms`, `first_ms`, `cpu_s_per_1000`,
        `peak_rss_mb`, `size_mb`, `parameters`, `energy_j_per_1000` (an estimate) and `noise_floor_ms`.

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
    job = latency_job(bundle, inputs, opener=opener, requests=requests, measure_s=_MEASURE_S / processes)
    results = [run_probe(job) for _ in range(processes)]
    pooled = pool_runs(results)
    runs = summarise_runs(pooled)
    few = {name: values[:MEMORY_ROWS] for name, values in inputs.items()}
    memory = run_probe({**job, "measure": "memory", "rows": few, "measure_s": _MEMORY_S})
    return (
        *runs,
        _memory_measurement(memory["peak_rss_bytes"]),
        _size_measurement(bundle),
        count_parameters(bundle),
        estimate_energy(runs, why="a quick audit reads no counter"),
        _noise_floor(pooled),
    )


def measure_scenarios(
    bundle: Path,
    rows: Mapping[str, Sequence[object]],
    *,
    seed: int,
    objective_ms: float,
    batch: int = BATCH,
    seconds: float = 60.0,
    sheet: PriceSheet | None = None,
    accuracy: Measurement | None = None,
    counters: Sequence[EnergyCounter] | None = None,
    window_s: float = WINDOW_S,
    opener: str = BUNDLE_OPENER,
) -> tuple[Measurement, ...]:
    """Everything of `measure_cost`, and Offline, Server, energy and money.

    Args:
        bundle: Its directory.
        rows: Input columns, equally long, at least one row; values that JSON can hold.
        seed: Orders the inputs and draws the arrivals.
        objective_ms: What p99 must keep to under load, above 0.
        batch: Rows in a batch of the Offline scenario.
        seconds: For the search and confirmation of the Server scenario.
        sheet: Price of a CPU-hour; None leaves money unmeasured.
        accuracy: Share of right answers; None leaves the price of correct ones unmeasured.
        counters: Of energy; None looks for those of this machine. A counter takes 10 windows of `window_s`.
        window_s: At least 10.
        opener: `module:function` that opens the bundle in the child.

    Raises:
        InvalidInputError: A bound above does not hold, or no usable rows.
        BundleFormatError: The bundle fails in a fresh process.
    """
    costs = measure_cost(bundle, rows, seed=seed, opener=opener)
    mean_ms = next(cost.value for cost in costs if cost.name == "mean_ms")
    assert mean_ms is not None
    offline = measure_offline(bundle, rows, seed=seed, batch=batch, opener=opener)
    server = measure_server(
        *(bundle, rows),
        seed=seed,
        objective_ms=objective_ms,
        mean_ms=max(mean_ms, 1e-6),
        seconds=seconds,
        opener=opener,
    )
    found, why = _counters_here() if counters is None else (tuple(counters), "no counter was given")
    energy = [
        measurement
        for counter in found
        for measurement in measure_energy(
            bundle, rows, counter=counter, seed=seed, window_s=window_s, repeats=REPEATS, opener=opener
        )
    ]
    if not any(measurement.name == "energy_j_per_1000" for measurement in energy):
        energy.append(estimate_energy(costs, why=why))
    kept = (cost for cost in costs if cost.name != "energy_j_per_1000")
    return (*kept, *offline, *server, *energy, *measure_money(costs, sheet=sheet, accuracy=accuracy))


def _counters_here() -> tuple[tuple[EnergyCounter, ...], str]:
    """The counters of this machine, and why there are no more."""
    powercap, nvml = find_powercap(), find_nvml()
    counters: list[EnergyCounter] = []
    reasons = []
    for counter in (powercap, nvml):
        if isinstance(counter, str):
            reasons.append(counter)
        else:
            counters.append(counter)
    return tuple(counters), "; ".join(reasons)


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
    found = percentile_measurement("p99_ms", runs.nothing_ms, 0.99, detail="")
    return Measurement(
        "noise_floor_ms",
        found.value,
        "ms",
        found.n,
        f"p99 of no operation, {found.method}",
        low=found.low,
        high=found.high,
        detail="the clock, the loop and the machine's interruptions, measured the same way",
        level=found.level,
    )
