"""The true value is at least the limit."""

from __future__ import annotations

from dataclasses import dataclass

from smallcraft.gates.threeway import judge_side
from smallcraft.records import Measurement, Verdict


@dataclass(frozen=True)
class AtLeast:
    """PASS when the lower bound reaches the limit, FAIL when the upper bound stays below it."""

    name: str = "at_least"

    def judge(self, gate: str, measurement: Measurement | None, *, limit: float, required: bool) -> Verdict:
        """Judge one measurement against a floor."""
        return judge_side(gate, measurement, limit=limit, required=required, is_floor=True)
