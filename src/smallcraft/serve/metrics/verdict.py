"""What a pipeline is told of a rollout at `/v2/rollouts/{id}/verdict`: few numbers, the same for every tool.

Its JSON schema is `docs/schemas/rollout_verdict.json`; what `smallcraft export --argo` writes reads it.
Leaves to others: judging (`serve.rollout.verdicts`), the whole status (`serve.rollout.status`).
Always: evidence that there is none of yet is null, so that nothing compares it with a number by mistake.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from smallcraft.serve.rollout.standing import Phase
from smallcraft.serve.rollout.status import RolloutStatus


@dataclass(frozen=True, slots=True)
class RolloutVerdict:
    """One rollout, for a machine that waits for it.

    Attributes:
        rollout: Its id.
        release: The new one, `helpdesk@4`.
        phase: Where it stands.
        weight: Share of traffic that the new release gets.
        e_value: Evidence against it; None before there is any.
        threshold: The e-value at which it is rolled back.
        outcome: PASS once it is done, FAIL once it is rolled back or will be, else UNDECIDED.
        reason: Why, in a sentence.
        needs: What would settle an UNDECIDED; None otherwise.
    """

    rollout: str
    release: str
    phase: Phase
    weight: float
    e_value: float | None
    threshold: float
    outcome: str
    reason: str
    needs: str | None


def verdict_of(status: RolloutStatus) -> RolloutVerdict:
    """The verdict that a status contains."""
    return RolloutVerdict(
        rollout=status.id,
        release=status.canary.release.label,
        phase=status.phase,
        weight=status.served_weight,
        e_value=status.e_value,
        threshold=status.threshold,
        outcome=status.verdict.outcome.value,
        reason=status.verdict.reason,
        needs=status.verdict.needs,
    )


def write_verdict(verdict: RolloutVerdict) -> bytes:
    """As a JSON body."""
    return json.dumps(asdict(verdict), ensure_ascii=False, allow_nan=False).encode("utf-8")
