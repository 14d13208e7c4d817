"""Costs that a budget is judged by: measured again where the machine was too noisy to judge.

Of several measurements the one is kept during which the machine was most at rest, told by the share of an
answer's time in which the processor was not at work on it; what the costs came out as has no part in that.
Left to others: measuring (`evaluate.audits.cost`), the verdict (`gates.rules.budget`, which decides nothing
by a cost whose detail says that it is unsteady).
Always: at most `MOST_TIMES`; a cost that keeps its limit is measured once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from smallcraft.evaluate.costs.latency import UNSTEADY
from smallcraft.gates.policy import BUDGET_MEASUREMENTS
from smallcraft.records import Measurement

MOST_TIMES = 3
# A processor that is left alone is at work for nearly all of the time of an answer.
_AT_REST = 1.2
_TIMED = ("p95_ms", "cpu_s_per_1000")

Costs = tuple[Measurement, ...]


@dataclass(frozen=True)
class SteadyCosts:
    """Costs, and whether they may be kept.

    Attributes:
        measurements: Of the calmest time.
        is_settled: False where a budget stays undecided for noise: the next build measures again. One that
            is near its limit on a machine at rest is settled; else builds could be repeated until it passes.
    """

    measurements: Costs
    is_settled: bool


def measure_steadily(measure: Callable[[], Costs], budget: Mapping[str, float]) -> SteadyCosts:
    """Measure until each timed budget is decided, or the machine has had its chances.

    Args:
        measure: Measures once.
        budget: As `[budget]` has it; limits of what is not timed are left out of account.
    """
    limits = {BUDGET_MEASUREMENTS[key]: limit for key, limit in budget.items() if key in BUDGET_MEASUREMENTS}
    tries = [measure()]
    while len(tries) < MOST_TIMES and _doubted(tries[-1], limits):
        tries.append(measure())
    best = min(tries, key=lambda costs: (_is_unsteady(costs), _busy_elsewhere(costs)))
    doubted = _doubted(best, limits)
    if len(tries) == 1 or not doubted:
        return SteadyCosts(best, is_settled=True)
    busy = _busy_elsewhere(best)
    told = tuple(_told(m, len(tries), busy) if m.name in doubted else m for m in best)
    return SteadyCosts(told, is_settled=not any(UNSTEADY in m.detail for m in told if m.name in doubted))


def _doubted(costs: Costs, limits: Mapping[str, float]) -> frozenset[str]:
    """Names of timed costs that do not keep their limit, nor were shown to break it by a machine at rest."""
    is_noisy = _busy_elsewhere(costs) > _AT_REST
    return frozenset(
        m.name
        for m in costs
        if m.name in _TIMED
        and m.name in limits
        and m.low is not None
        and m.high is not None
        and m.high > limits[m.name]
        and (m.low <= limits[m.name] or is_noisy or UNSTEADY in m.detail)
    )


def _is_unsteady(costs: Costs) -> bool:
    """Whether the halves of the processes did not agree on a timed cost."""
    return any(UNSTEADY in m.detail for m in costs if m.name in _TIMED)


def _busy_elsewhere(costs: Costs) -> float:
    """Time of an answer over the processor's time for it: 1 where nothing else ran."""
    found = {m.name: m.value for m in costs}
    answer_ms, cpu_ms = found.get("mean_ms"), found.get("cpu_s_per_1000")
    return answer_ms / cpu_ms if answer_ms and cpu_ms else 1.0


def _told(cost: Measurement, times: int, busy: float) -> Measurement:
    """The cost, saying why it cannot be judged; at rest it is because the cost is near its limit."""
    again = f"measured {times} times"
    if busy > _AT_REST:
        again = (
            f"{UNSTEADY} {again}, and even the calmest time the processor was busy with something else for "
            f"{1 - 1 / busy:.0%} of an answer's time; close what else runs here, or build on a quiet machine"
        )
    return replace(cost, detail="; ".join(filter(None, (again, cost.detail))))
