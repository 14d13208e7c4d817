"""A group is no further from the rest of the rows than the limit, on either side.

Judges `<metric>_gap`: the group's share minus that of all other rows. FAIL has two sides to be wrong on, so
each gets half of what the confidence leaves; else a small tolerance would fail twice as often as stated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smallcraft.contracts import Takes
from smallcraft.gates.threeway import judge_slices
from smallcraft.gates.tolerance import around_zero
from smallcraft.records import GateSpec, Measurement, Verdict


@dataclass(frozen=True)
class GroupGap:
    """PASS when both bounds are within the limit of zero, FAIL when the nearer one is beyond it."""

    name: str = "group_gap"
    measurement: str = ""
    takes: Takes = "limit"

    def judge(
        self,
        gate: GateSpec,
        measurements: Sequence[Measurement],
        parts: Sequence[Verdict] = (),  # noqa: ARG002 - the contract's
    ) -> tuple[Verdict, ...]:
        """Judge each group's gap."""
        return judge_slices(gate, measurements, around_zero(gate), name=self.measurement)
