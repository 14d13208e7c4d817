"""One request at a time: what the latency processes of a bundle reported, as measurements.

Percentiles are given only with so many requests that one is left above their upper bound (64 for p90, 130 for
p95, 662 for p99), with order-statistic bounds of 99 % each. These take requests as independent, which those
of one process are not quite; so the processes are two halves in ABBA order, measured in the same way. Where
the bounds of the halves do not meet, the bounds given contain both. Where the halves differ by more than
processes differ within a half, something else went on, and the detail opens with `A/A unsteady:`.
Always: what was not measured is None with the reason; a speed-up of inputs seen before is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.records import Interval, Measurement
from smallcraft.stats.intervals import (
    least_n_for_quantile,
    mean_interval,
    quantile_lower_bound,
    quantile_upper_bound,
)
from smallcraft.stats.ratios import balanced_halves, halves_ratio

BOUND_CONFIDENCE = 0.99
BOUNDS_LEVEL = 0.98  # of the two bounds together
MEAN_CONFIDENCE = 0.95
PERCENTILES = (0.5, 0.9, 0.95, 0.99)
CACHE_SPEED_UP = 1.10
UNSTEADY = "A/A unsteady:"

_WARM_UP_S = 0.5
_REPEAT_S = 0.2


@dataclass(frozen=True)
class ProbeRuns:
    """What the latency processes of one bundle reported; times in milliseconds.

    Attributes:
        latencies_ms: Of each process, in the order they ran, as they came.
        load_ms: Of each process.
        first_ms: Of each process.
        cpu_s_per_1000: Of each process.
        repeat_ratios: Latency of an input over that of the same input again, all processes, ascending.
        nothing_ms: What asking for nothing took, all processes, ascending.
        remarks: What a reader must know.
    """

    latencies_ms: tuple[NDArray[np.float64], ...]
    load_ms: NDArray[np.float64]
    first_ms: NDArray[np.float64]
    cpu_s_per_1000: NDArray[np.float64]
    repeat_ratios: NDArray[np.float64]
    nothing_ms: NDArray[np.float64]
    remarks: tuple[str, ...]

    @property
    def pooled_ms(self) -> NDArray[np.float64]:
        """All latencies, ascending."""
        return np.sort(np.concatenate(self.latencies_ms))

    @property
    def mean_ms(self) -> NDArray[np.float64]:
        """Mean of each process."""
        return np.array([values.mean() for values in self.latencies_ms])

    @property
    def halves_ms(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Latencies of the two halves of the processes, each ascending; None for a single process."""
        if len(self.latencies_ms) < 2:
            return None
        is_first = balanced_halves(len(self.latencies_ms)).tolist()
        first = [values for values, is_in in zip(self.latencies_ms, is_first, strict=True) if is_in]
        second = [values for values, is_in in zip(self.latencies_ms, is_first, strict=True) if not is_in]
        return np.sort(np.concatenate(first)), np.sort(np.concatenate(second))


def latency_job(
    bundle: Path,
    inputs: Mapping[str, Sequence[object]],
    *,
    opener: str,
    requests: int,
    measure_s: float,
    warm_up_s: float = _WARM_UP_S,
    repeat_s: float = _REPEAT_S,
) -> dict[str, Any]:
    """What `probe` reads for one latency process."""
    return {
        "measure": "latency",
        "opener": opener,
        "bundle": str(bundle.resolve()),
        "rows": inputs,
        "requests": requests,
        "warm_up_s": warm_up_s,
        "measure_s": measure_s,
        "repeat_s": repeat_s,
    }


def pool_runs(results: Sequence[Mapping[str, Any]]) -> ProbeRuns:
    """Put the reports of the latency processes together, in the order they ran."""
    cpu = [result["cpu_ns"] / 1e9 / len(result["latencies_ns"]) * 1000 for result in results]
    remarks = []
    unsteady = sum(not result["is_steady"] for result in results)
    if unsteady:
        remarks.append(f"{unsteady} of {len(results)} processes did not come to rest while warming up")
    if any(result["unique_inputs"] < len(result["latencies_ns"]) for result in results):
        remarks.append(f"inputs repeat after {results[0]['unique_inputs']} different rows")
    return ProbeRuns(
        latencies_ms=tuple(np.asarray(r["latencies_ns"], dtype=np.float64) / 1e6 for r in results),
        load_ms=np.array([result["load_ns"] / 1e6 for result in results]),
        first_ms=np.array([result["first_ns"] / 1e6 for result in results]),
        cpu_s_per_1000=np.array(cpu),
        repeat_ratios=np.sort(np.concatenate([result["repeat_ratios"] for result in results])),
        nothing_ms=np.sort(np.concatenate([result["nothing_ns"] for result in results])) / 1e6,
        remarks=tuple(remarks),
    )


def summarise_runs(runs: ProbeRuns) -> tuple[Measurement, ...]:
    """Latency, loading and CPU time of the processes."""
    detail = "; ".join((*runs.remarks, *cache_remark(runs.repeat_ratios)))
    n = sum(len(values) for values in runs.latencies_ms)
    return (
        _process_mean("mean_ms", "ms", runs.mean_ms, n=n, detail=detail),
        *(_process_percentile(runs, q, detail=detail) for q in PERCENTILES),
        _process_median("load_ms", runs.load_ms, "import of the runtime and opening the bundle"),
        _process_median("first_ms", runs.first_ms, "first answer after opening"),
        _process_mean("cpu_s_per_1000", "s", runs.cpu_s_per_1000, n=n, detail=detail),
    )


def percentile_measurement(
    name: str, sorted_ms: NDArray[np.float64], q: float, *, detail: str
) -> Measurement:
    """A percentile with its two 99 % bounds; None where the requests are too few for the bounds.

    Args:
        name: Of the measurement.
        sorted_ms: `(n,)` milliseconds, ascending; infinite for a request that was never answered.
        q: A fraction in (0, 1).
        detail: What else is to be said.
    """
    n = len(sorted_ms)
    method = f"order statistics, {BOUND_CONFIDENCE:.0%} each bound"
    needed = least_n_for_quantile(max(q, 1 - q), BOUND_CONFIDENCE)
    if n < needed:
        short = f"needs {needed:,} timed requests, there were {n:,}"
        return Measurement(name, None, "ms", n, method, detail=_join(short, detail))
    bounds = quantile_bounds(sorted_ms, q)
    assert bounds is not None
    value = float(np.quantile(sorted_ms, q, method="inverted_cdf"))
    if not np.isfinite(bounds.high):
        late = f"{np.count_nonzero(~np.isfinite(sorted_ms)):,} of {n:,} requests were never answered"
        return Measurement(name, None, "ms", n, method, low=bounds.low, detail=_join(late, detail))
    return Measurement(
        *(name, value, "ms", n, method), low=bounds.low, high=bounds.high, detail=detail, level=BOUNDS_LEVEL
    )


def quantile_bounds(sorted_ms: NDArray[np.float64], q: float) -> Interval | None:
    """The two 99 % bounds of a quantile, None where there are too few values for them."""
    low = quantile_lower_bound(sorted_ms, q, BOUND_CONFIDENCE)
    high = quantile_upper_bound(sorted_ms, q, BOUND_CONFIDENCE)
    return None if low is None or high is None else Interval(low, high)


def widen_to_halves(found: Measurement, bounds: Sequence[Interval | None]) -> Measurement:
    """Bounds that contain those of each half of the processes, where the halves' own do not meet."""
    first, second = bounds
    if found.low is None or found.high is None or first is None or second is None:
        return found
    if first.low <= second.high and second.low <= first.high:
        return found
    wide = "the bounds of the two halves of the processes do not meet; these contain both"
    return replace(
        found,
        low=min(found.low, first.low, second.low),
        high=max(found.high, first.high, second.high),
        detail=_join(found.detail, wide),
    )


def unsteady_remark(values: NDArray[np.float64]) -> str:
    """What is to be said when one half of the processes costs more than the other, shown at 99 %.

    Args:
        values: Cost of each process, in the order they ran.
    """
    if len(values) < 3 or values.min() <= 0:
        return ""
    is_first = balanced_halves(len(values))
    found = halves_ratio(values[is_first], values[~is_first], level=BOUND_CONFIDENCE)
    if found is None or not found.excludes_one:
        return ""
    return (
        f"{UNSTEADY} one half of the processes costs {found.ratio:.3g} times the other "
        f"[{found.interval.low:.3g}, {found.interval.high:.3g}]; measure again on a quiet machine"
    )


def _process_percentile(runs: ProbeRuns, q: float, *, detail: str) -> Measurement:
    of_processes = np.array([np.quantile(values, q) for values in runs.latencies_ms])
    found = percentile_measurement(
        f"p{q * 100:g}_ms", runs.pooled_ms, q, detail=_join(unsteady_remark(of_processes), detail)
    )
    halves = runs.halves_ms
    return found if halves is None else widen_to_halves(found, [quantile_bounds(half, q) for half in halves])


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
        detail=_join(unsteady_remark(values), detail),
        level=None if interval is None else MEAN_CONFIDENCE,
    )


def _process_median(name: str, values: NDArray[np.float64], what: str) -> Measurement:
    # All values lie on one side of the median with probability 2^(1 - n).
    covered = 1 - 0.5 ** (len(values) - 1)
    return Measurement(
        name,
        float(np.median(values)),
        "ms",
        len(values),
        f"median of {len(values)} processes, least and greatest {covered:.1%}",
        low=float(values.min()),
        high=float(values.max()),
        detail=what,
        level=covered if covered > 0 else None,
    )


def cache_remark(sorted_ratios: NDArray[np.float64]) -> tuple[str, ...]:
    """One sentence when inputs seen before are answered over 10 % faster, shown at 99 %; else none.

    Args:
        sorted_ratios: Latency of an input over that of the same input again, ascending.
    """
    least = quantile_lower_bound(sorted_ratios, 0.5, BOUND_CONFIDENCE)
    if least is None or least <= CACHE_SPEED_UP:
        return ()
    speed_up = float(np.median(sorted_ratios))
    return (f"answers look remembered: inputs seen before are {speed_up:.2g} times as fast",)


def _join(*parts: str) -> str:
    return "; ".join(filter(None, parts))
