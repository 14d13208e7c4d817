"""The true value is at most the limit."""

from __future__ import annotations

from dataclasses import dataclass

from smallcraft.gates.threeway import judge_side
from smallcraft.records import Measurement, Verdict


@dataclass(frozen=True)
class AtMost:
    """PASS when the upper bound keeps to the limit, FAIL when the lower bound is above it."""

    name: str = "at_most"

    def judge(self, gate: str, measurement: Measurement | None, *, limit: float, required: bool) -> Verdict:
        """Judge one measurement against a ceiling."""
        return judge_side(gate, measurement, limit=limit, required=required, is_floor=False)
