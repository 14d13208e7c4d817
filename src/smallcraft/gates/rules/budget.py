"""A measured cost keeps to its limit.

A cost is only as good as the machine it was measured on: one whose own comparison with itself (A/A) was
unsteady fails nothing, nor does a number that was estimated and not measured. Other work on a machine only
makes a cost larger, and the bounds of an unsteady one contain both halves: where they keep to the limit all
the same, it passes. A comparison of two, in which the noise may be on either side, does not.
Always: energy gates only where a counter measured it (`measured:*`).
"""

from __future__ import annotations

from smallcraft.gates.slice_rule import SliceRule
from smallcraft.gates.threeway import Doubt
from smallcraft.gates.tolerance import at_most
from smallcraft.records import Measurement

_MEASURED, _ESTIMATED = "measured:", "estimated:"
# As `evaluate.costs.latency` says it of one bundle; of two it says "A/A comparison unsteady:".
_UNSTEADY = "A/A unsteady:"


def doubt_of(cost: Measurement) -> Doubt | None:
    """Why a cost cannot be judged; None where it can."""
    told = f"{cost.method}; {cost.detail}"
    if "A/A" in told and "unsteady" in told:
        why = f"this machine was unsteady while it was measured ({cost.detail or cost.method})"
        return Doubt(why, "measure again on a quiet machine", only_worsens=_UNSTEADY in told)
    is_energy = cost.name.startswith("energy")
    if cost.method.startswith(_ESTIMATED) or (is_energy and not cost.method.startswith(_MEASURED)):
        why = f"it was not measured by a counter ({cost.method or 'method unknown'})"
        return Doubt(why, "a machine that lets its energy counter be read" if is_energy else "measure it")
    return None


# PASS when the upper bound keeps to the limit, FAIL when the lower bound is above it.
BUDGET = SliceRule("budget", at_most, doubt=doubt_of)
