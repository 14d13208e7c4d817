"""The true value is at least the limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smallcraft.contracts import Takes
from smallcraft.gates.threeway import judge_slices
from smallcraft.gates.tolerance import at_least
from smallcraft.records import GateSpec, Measurement, Verdict


@dataclass(frozen=True)
class AtLeast:
    """PASS when the lower bound reaches the limit, FAIL when the upper bound stays below it."""

    name: str = "at_least"
    measurement: str = ""
    takes: Takes = "limit"

    def judge(
        self,
        gate: GateSpec,
        measurements: Sequence[Measurement],
        parts: Sequence[Verdict] = (),  # noqa: ARG002 - the contract's
    ) -> tuple[Verdict, ...]:
        """Judge each slice against a floor."""
        return judge_slices(gate, measurements, at_least(gate), name=self.measurement)
