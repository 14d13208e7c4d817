"""The card tells everything that only a person knows.

Judges `card_missing`, a count; its `detail` names what is missing. A count has no sampling error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from smallcraft.contracts import Takes
from smallcraft.gates.threeway import judge_slices
from smallcraft.gates.tolerance import Tolerance
from smallcraft.records import GateSpec, Measurement, Outcome, Verdict


@dataclass(frozen=True)
class CardComplete:
    """PASS when nothing is missing, FAIL with the names of what is."""

    name: str = "card_complete"
    measurement: str = "card_missing"
    takes: Takes = "nothing"

    def judge(
        self,
        gate: GateSpec,
        measurements: Sequence[Measurement],
        parts: Sequence[Verdict] = (),  # noqa: ARG002 - the contract's
    ) -> tuple[Verdict, ...]:
        """Judge the count of what is missing."""
        counts = [replace(found, low=None, high=None, hits=None, trials=None) for found in measurements]
        nothing = Tolerance(float("-inf"), 0.0, "0")
        verdicts = judge_slices(gate, counts, nothing, name=self.measurement)
        missing = {found.slice: found.detail for found in counts if found.detail}
        return tuple(
            replace(verdict, reason=f"{verdict.reason}: {missing[verdict.slice]}")
            if verdict.outcome is Outcome.FAIL and verdict.slice in missing
            else verdict
            for verdict in verdicts
        )
