"""A rule that is nothing but what it allows: most rules differ in their tolerance alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from smallcraft.contracts import Takes
from smallcraft.gates.threeway import Doubter, judge_slices
from smallcraft.gates.tolerance import Tolerance
from smallcraft.records import GateSpec, Measurement, Verdict


@dataclass(frozen=True)
class SliceRule:
    """PASS of each slice whose bounds are inside the tolerance, FAIL where they are outside.

    Attributes:
        name: Its key in the table of rules.
        tolerance: What a gate allows.
        measurement: What it judges where the gate names nothing.
        doubt: Says which measurements cannot be judged.
        takes: What a gate must declare for it.
    """

    name: str
    tolerance: Callable[[GateSpec], Tolerance]
    measurement: str = ""
    doubt: Doubter | None = None
    takes: Takes = "limit"

    def judge(
        self,
        gate: GateSpec,
        measurements: Sequence[Measurement],
        parts: Sequence[Verdict] = (),  # noqa: ARG002 - the contract's
    ) -> tuple[Verdict, ...]:
        """Judge each slice that the gate matches."""
        return judge_slices(gate, measurements, self.tolerance(gate), name=self.measurement, doubt=self.doubt)
