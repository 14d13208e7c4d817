"""Of the rows that were right, at most a share of the limit turns wrong when the input is perturbed.

Judges `flip_rate` unless the gate names another one (`counterfactual_flip_rate`); each row counts once in a
slice, so the bounds are those of a share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smallcraft.contracts import Takes
from smallcraft.gates.threeway import judge_slices
from smallcraft.gates.tolerance import at_most
from smallcraft.records import GateSpec, Measurement, Verdict


@dataclass(frozen=True)
class FlipRate:
    """PASS when the upper bound keeps to the limit, FAIL when the lower bound is above it."""

    name: str = "flip_rate"
    measurement: str = "flip_rate"
    takes: Takes = "limit"

    def judge(
        self,
        gate: GateSpec,
        measurements: Sequence[Measurement],
        parts: Sequence[Verdict] = (),  # noqa: ARG002 - the contract's
    ) -> tuple[Verdict, ...]:
        """Judge each perturbation against a ceiling."""
        return judge_slices(gate, measurements, at_most(gate), name=self.measurement)
