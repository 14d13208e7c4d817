"""Several gates in one: all of them must pass.

PASS needs no correction, since each part must pass. FAIL of the whole is FAIL of any part; the parts that are
handed in carry that correction (`gates.policy`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smallcraft.contracts import Takes
from smallcraft.errors import InvalidInputError
from smallcraft.records import GateSpec, Measurement, Outcome, Verdict


@dataclass(frozen=True)
class AllOf:
    """PASS when all parts pass, FAIL when one fails, else UNDECIDED; a part need not be `required`."""

    name: str = "all_of"
    measurement: str = ""
    takes: Takes = "parts"

    def judge(
        self,
        gate: GateSpec,
        measurements: Sequence[Measurement],  # noqa: ARG002 - the contract's
        parts: Sequence[Verdict] = (),
    ) -> tuple[Verdict, ...]:
        """Judge by what the parts said.

        Raises:
            InvalidInputError: No part said anything.
        """
        if not parts:
            raise InvalidInputError(f"gate '{gate.name}' needs parts for its rule 'all_of', got none")
        for outcome in (Outcome.FAIL, Outcome.UNDECIDED):
            such = [part for part in parts if part.outcome is outcome]
            if such:
                reason = f"{len(such)} of {len(parts)} parts {_said(outcome)}: {_in_words(such)}"
                needs = "; ".join(dict.fromkeys(part.needs for part in such if part.needs)) or None
                return (Verdict(gate.name, outcome, reason, needs, gate.required, slice=gate.slice),)
        names = ", ".join(dict.fromkeys(part.gate for part in parts))
        reason = f"all {len(parts)} parts pass: {names}"
        return (Verdict(gate.name, Outcome.PASS, reason, None, gate.required, slice=gate.slice),)


def _said(outcome: Outcome) -> str:
    return "fail" if outcome is Outcome.FAIL else "are undecided"


def _in_words(parts: Sequence[Verdict]) -> str:
    return "; ".join(f"{part.gate}: {part.reason}" for part in parts)
