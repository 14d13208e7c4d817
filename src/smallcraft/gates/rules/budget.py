"""A measured cost keeps to its limit.

A cost is only as good as the machine it was measured on: one whose own comparison with itself (A/A) was
unsteady decides nothing, nor does a number that was estimated and not measured.
Always: energy gates only where a counter measured it (`measured:*`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smallcraft.contracts import Takes
from smallcraft.gates.threeway import Doubt, judge_slices
from smallcraft.gates.tolerance import at_most
from smallcraft.records import GateSpec, Measurement, Verdict

_MEASURED, _ESTIMATED = "measured:", "estimated:"


@dataclass(frozen=True)
class Budget:
    """PASS when the upper bound keeps to the limit, FAIL when the lower bound is above it."""

    name: str = "budget"
    measurement: str = ""
    takes: Takes = "limit"

    def judge(
        self,
        gate: GateSpec,
        measurements: Sequence[Measurement],
        parts: Sequence[Verdict] = (),  # noqa: ARG002 - the contract's
    ) -> tuple[Verdict, ...]:
        """Judge a cost against its ceiling, unless there is reason to doubt it."""
        return judge_slices(gate, measurements, at_most(gate), name=self.measurement, doubt=doubt_of)


def doubt_of(cost: Measurement) -> Doubt | None:
    """Why a cost cannot be judged; None where it can."""
    told = f"{cost.method}; {cost.detail}"
    if "A/A" in told and "unsteady" in told:
        why = f"this machine was unsteady while it was measured ({cost.detail or cost.method})"
        return Doubt(why, "measure again on a quiet machine")
    is_energy = cost.name.startswith("energy")
    if cost.method.startswith(_ESTIMATED) or (is_energy and not cost.method.startswith(_MEASURED)):
        why = f"it was not measured by a counter ({cost.method or 'method unknown'})"
        return Doubt(why, "a machine that lets its energy counter be read" if is_energy else "measure it")
    return None
