"""The true value is at most the limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smallcraft.contracts import Takes
from smallcraft.gates.threeway import judge_slices
from smallcraft.gates.tolerance import at_most
from smallcraft.records import GateSpec, Measurement, Verdict


@dataclass(frozen=True)
class AtMost:
    """PASS when the upper bound keeps to the limit, FAIL when the lower bound is above it."""

    name: str = "at_most"
    measurement: str = ""
    takes: Takes = "limit"

    def judge(
        self,
        gate: GateSpec,
        measurements: Sequence[Measurement],
        parts: Sequence[Verdict] = (),  # noqa: ARG002 - the contract's
    ) -> tuple[Verdict, ...]:
        """Judge each slice against a ceiling."""
        return judge_slices(gate, measurements, at_most(gate), name=self.measurement)
