"""Is one bundle faster than another? Both in turn in fresh processes, one of them against itself beside it.

Every block runs A, B and A again in a drawn order and then in the reverse, so that a machine that slows down
or speeds up evenly favours neither; a block gives one log-ratio of each kind, and the blocks are what is
counted. The two sets of A are compared in the same way as A with B: where they seem to differ, the machine
was too unsteady for any answer, and nothing is claimed.
Always: all inputs are different as far as the data allow, and the same for both bundles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.costs.latency import latency_job
from smallcraft.evaluate.costs.processes import BUNDLE_OPENER, choose_inputs, run_probe
from smallcraft.records import Interval, Measurement
from smallcraft.stats.ratios import RatioEstimate, mirrored_order, paired_ratio

LEVEL = 0.99
UNSTEADY = "A/A comparison unsteady:"

_WARM_UP_ROWS = 200
_WARM_UP_S = 0.3
_MEASURE_S = 0.5
_CONTESTANTS = ("a", "b", "a again")

Claim = Literal["faster", "slower", "undecided"]


@dataclass(frozen=True)
class LatencyComparison:
    """Latency and CPU time of bundle A over those of bundle B.

    Attributes:
        ratio: Median latency of A over that of B; below 1, A is faster.
        interval: Of the ratio.
        aa_ratio: A over itself, measured in the same session.
        aa_interval: Of that ratio.
        is_steady: True when 1 lies in `aa_interval`.
        cpu: CPU time of A over that of B.
        cpu_aa: CPU time of A over itself.
        n: Blocks, each of two fresh processes of A, two of B and two of A again.
        level: Coverage of every interval here.
        method: In words.
        remark: What a reader must know of the inputs; may be empty.
    """

    ratio: float
    interval: Interval
    aa_ratio: float
    aa_interval: Interval
    is_steady: bool
    cpu: RatioEstimate
    cpu_aa: RatioEstimate
    n: int
    level: float
    method: str
    remark: str = ""

    @property
    def claim(self) -> Claim:
        """What may be said of A's latency at this level; nothing when A differs from itself."""
        if not self.is_steady or self.interval.low <= 1 <= self.interval.high:
            return "undecided"
        return "faster" if self.interval.high < 1 else "slower"

    def measurements(self) -> tuple[Measurement, Measurement]:
        """`latency_ratio` and `cpu_ratio`; an unsteady machine stands first in the detail."""
        latency_aa = RatioEstimate(self.aa_ratio, self.aa_interval, self.n, self.level)
        latency = RatioEstimate(self.ratio, self.interval, self.n, self.level)
        return self._measurement("latency_ratio", latency, latency_aa), self._measurement(
            "cpu_ratio", self.cpu, self.cpu_aa
        )

    def _measurement(self, name: str, found: RatioEstimate, aa: RatioEstimate) -> Measurement:
        itself = f"{aa.ratio:.3f} [{aa.interval.low:.3f}, {aa.interval.high:.3f}]"
        word = f"{UNSTEADY} {itself}" if aa.excludes_one else f"A/A comparison {itself}"
        return Measurement(
            *(name, found.ratio, "ratio", found.n, self.method),
            low=found.interval.low,
            high=found.interval.high,
            detail="; ".join(filter(None, (word, self.remark))),
            level=self.level,
        )


@dataclass(frozen=True)
class Block:
    """Costs of one block of six processes, two of each contestant; milliseconds and CPU-seconds."""

    latency_ms: Mapping[str, tuple[float, float]]
    cpu_s: Mapping[str, tuple[float, float]]


def compare_latency(
    bundle_a: Path,
    bundle_b: Path,
    rows: Mapping[str, Sequence[object]],
    *,
    blocks: int = 6,
    seed: int,
    level: float = LEVEL,
    requests: int = 300,
    opener: str = BUNDLE_OPENER,
) -> LatencyComparison:
    """Compare two bundles; six fresh processes a block, a second or less each.

    Args:
        bundle_a: Its directory.
        bundle_b: Its directory; the same as `bundle_a` is an A/A comparison.
        rows: Input columns that both read, equally long, at least one row.
        blocks: At least 5: ten pairs of processes.
        seed: Orders the inputs and the contestants.
        level: Coverage of the intervals, a fraction in (0, 1).
        requests: Timed in each process, at least 1; half a second cuts them short.
        opener: `module:function` that opens a bundle in the child.

    Raises:
        InvalidInputError: A bound above does not hold, or values that cannot be handed over.
        BundleFormatError: A bundle fails in a fresh process.
    """
    if blocks < 5:
        raise InvalidInputError(f"blocks must be at least 5 to see their spread, got {blocks}")
    if requests < 1:
        raise InvalidInputError(f"requests must be at least 1, got {requests}")
    inputs = choose_inputs(rows, most=requests + _WARM_UP_ROWS, seed=seed)
    jobs = {
        name: latency_job(
            *(bundle, inputs),
            opener=opener,
            requests=requests,
            measure_s=_MEASURE_S,
            warm_up_s=_WARM_UP_S,
            repeat_s=0.0,
        )
        for name, bundle in zip(_CONTESTANTS, (bundle_a, bundle_b, bundle_a), strict=True)
    }
    rng = np.random.default_rng(seed)
    results: list[dict[str, Any]] = []

    def run(name: str) -> tuple[float, float]:
        results.append(run_probe(jobs[name]))
        return _costs_of(results[-1])

    found = [run_block(run, rng) for _ in range(blocks)]
    return summarise_blocks(found, level=level, remark=_inputs_remark(results))


def run_block(run: Callable[[str], tuple[float, float]], rng: np.random.Generator) -> Block:
    """Two runs of each contestant in a drawn order and back; a run gives latency and CPU time."""
    costs: dict[str, list[tuple[float, float]]] = {name: [] for name in _CONTESTANTS}
    for name in mirrored_order(_CONTESTANTS, rng):
        costs[name].append(run(name))
    return Block(
        {name: (there[0], back[0]) for name, (there, back) in costs.items()},
        {name: (there[1], back[1]) for name, (there, back) in costs.items()},
    )


def summarise_blocks(blocks: Sequence[Block], *, level: float = LEVEL, remark: str = "") -> LatencyComparison:
    """Ratios over the blocks.

    Raises:
        InvalidInputError: Fewer than two blocks, or a cost that is not above 0.
    """
    latency = {name: _centres([block.latency_ms[name] for block in blocks]) for name in _CONTESTANTS}
    cpu = {name: _centres([block.cpu_s[name] for block in blocks]) for name in _CONTESTANTS}
    ab, aa = _ratios(latency, level=level)
    cpu_ab, cpu_aa = _ratios(cpu, level=level)
    return LatencyComparison(
        ratio=ab.ratio,
        interval=ab.interval,
        aa_ratio=aa.ratio,
        aa_interval=aa.interval,
        is_steady=not aa.excludes_one,
        cpu=cpu_ab,
        cpu_aa=cpu_aa,
        n=len(blocks),
        level=level,
        method=(
            f"fresh processes, {len(blocks)} blocks in mirrored order, Student t {level:.0%} on log-ratios "
            "of process medians"
        ),
        remark=remark,
    )


def _ratios(costs: Mapping[str, NDArray[np.float64]], *, level: float) -> tuple[RatioEstimate, RatioEstimate]:
    """A with B, A being all its processes; and A with itself."""
    once, again = costs["a"], costs["a again"]
    return (
        paired_ratio(np.sqrt(once * again), costs["b"], level=level),
        paired_ratio(once, again, level=level),
    )


def _centres(pairs: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """Geometric means of the two runs of each block."""
    centres: NDArray[np.float64] = np.sqrt(np.prod(np.array(pairs, dtype=np.float64), axis=1))
    return centres


def _costs_of(result: Mapping[str, Any]) -> tuple[float, float]:
    """Median latency in milliseconds and CPU-seconds a 1,000 answers of one process."""
    latencies = result["latencies_ns"]
    return float(np.median(latencies)) / 1e6, result["cpu_ns"] / 1e6 / len(latencies)


def _inputs_remark(results: Sequence[Mapping[str, Any]]) -> str:
    if all(result["unique_inputs"] >= len(result["latencies_ns"]) for result in results):
        return ""
    return f"inputs repeat after {results[0]['unique_inputs']} different rows"
