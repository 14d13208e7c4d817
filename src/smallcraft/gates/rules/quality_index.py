"""The data quality index is at least the limit.

Its value is the cautious end of what was found, so it is the lower bound itself; its bounds are no two ends
of one level and are taken as they are. What settles it is an audit of labels, not more rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from smallcraft.contracts import Takes
from smallcraft.gates.threeway import judge_slices
from smallcraft.gates.tolerance import at_least
from smallcraft.records import GateSpec, Measurement, Verdict

AUDIT_MORE = "audit more labels (`smallcraft check --audit N`), or mend the rows that the check names"


@dataclass(frozen=True)
class QualityIndex:
    """PASS when the cautious end reaches the limit, FAIL when the other one stays below it."""

    name: str = "quality_index"
    measurement: str = "data_quality_index"
    takes: Takes = "limit"

    def judge(
        self,
        gate: GateSpec,
        measurements: Sequence[Measurement],
        parts: Sequence[Verdict] = (),  # noqa: ARG002 - the contract's
    ) -> tuple[Verdict, ...]:
        """Judge the index of the gate's split."""
        as_they_are = [replace(found, level=None, hits=None, trials=None) for found in measurements]
        return judge_slices(gate, as_they_are, at_least(gate), name=self.measurement, needs=AUDIT_MORE)
