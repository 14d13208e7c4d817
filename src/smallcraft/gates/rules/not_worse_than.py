"""A difference to the incumbent or the best is not below zero by more than the limit, a margin.

Judges `<metric>_over_incumbent` or `<metric>_over_best`: the candidate's minus the other's, positive is
better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smallcraft.contracts import Takes
from smallcraft.gates.threeway import judge_slices
from smallcraft.gates.tolerance import not_below_zero_by_more
from smallcraft.records import GateSpec, Measurement, Verdict


@dataclass(frozen=True)
class NotWorseThan:
    """PASS when the lower bound reaches minus the limit, FAIL when the upper bound stays below it."""

    name: str = "not_worse_than"
    measurement: str = ""
    takes: Takes = "limit"

    def judge(
        self,
        gate: GateSpec,
        measurements: Sequence[Measurement],
        parts: Sequence[Verdict] = (),  # noqa: ARG002 - the contract's
    ) -> tuple[Verdict, ...]:
        """Judge each difference against its margin."""
        return judge_slices(gate, measurements, not_below_zero_by_more(gate), name=self.measurement)
