"""An audit with canaries found no evidence that training leaks more than an epsilon.

Judges `epsilon_lower_bound`: its value is a lower bound of epsilon, its `high` the largest bound that its
canaries could have shown, `n` their number, `method` the attack. An audit that could not have shown more than
the limit says nothing by staying below it.
Always: a PASS says what was tried and found, never that a model is private: a stronger attack may find more.
Source: Steinke, Nasr, Jagielski (2023), "Privacy auditing with one (1) training run", NeurIPS.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from smallcraft.contracts import Takes
from smallcraft.gates.matching import select_measurements, unmeasured_verdict
from smallcraft.gates.settling import two_figures
from smallcraft.gates.threeway import place_of, require_sound, valueless_verdict, verdict_of
from smallcraft.gates.tolerance import limit_of
from smallcraft.records import GateSpec, Measurement, Outcome, Verdict
from smallcraft.stats.intervals import two_sided_tail

_ROUNDING = 1e-9


@dataclass(frozen=True)
class EpsilonAtMost:
    """FAIL when the bound exceeds the limit, PASS when it could have and did not, else UNDECIDED."""

    name: str = "epsilon_at_most"
    measurement: str = "epsilon_lower_bound"
    takes: Takes = "limit"

    def judge(
        self,
        gate: GateSpec,
        measurements: Sequence[Measurement],
        parts: Sequence[Verdict] = (),  # noqa: ARG002 - the contract's
    ) -> tuple[Verdict, ...]:
        """Judge each audit; where several were run, a FAIL is one at a confidence that allows for all."""
        require_sound(gate, self.measurement)
        limit = limit_of(gate, least=0.0)
        found = select_measurements(gate, measurements, name=self.measurement)
        if not found:
            return (unmeasured_verdict(gate, measurements, name=self.measurement),)
        asked = 1 - (1 - gate.confidence) / len(found)
        return tuple(
            valueless_verdict(gate, one) or _judge_audit(gate, one, limit, asked=asked) for one in found
        )


def canaries_to_show(epsilon: float, confidence: float) -> int:
    """The least number of canaries that can show more than an epsilon, every one guessed right.

    Args:
        epsilon: At least 0.
        confidence: One-sided, a fraction in (0, 1).

    >>> canaries_to_show(0.0, 0.95), canaries_to_show(3.0, 0.95)
    (5, 62)
    """
    return math.floor(math.log(1 - confidence) / -math.log1p(math.exp(-epsilon))) + 1


def _judge_audit(gate: GateSpec, audit: Measurement, limit: float, *, asked: float) -> Verdict:
    assert audit.value is not None
    held = asked if audit.level is None else two_sided_tail(audit.level)
    tried = f"{audit.n:,} canaries, attack: {audit.method or 'not named'}"
    if audit.value > limit:
        if held < asked - _ROUNDING:
            reason = (
                f"epsilon{place_of(audit)} is at least {audit.value:.3g} at a confidence of {held:.4g} only"
            )
            needs = f"audit again at a confidence of {asked:.4g}"
            return verdict_of(gate, audit, Outcome.UNDECIDED, f"{reason} ({tried})", needs)
        reason = f"epsilon{place_of(audit)} is more than {limit:g}: at least {audit.value:.3g} ({tried})"
        return verdict_of(gate, audit, Outcome.FAIL, reason)
    if audit.high is None or audit.high <= limit:
        could = f"the audit{place_of(audit)} could have shown {_most(audit)}"
        reason = f"{could}, the gate asks about {limit:g} ({tried})"
        needs = f"about {two_figures(_canaries_needed(audit, limit, held)):,} canaries"
        return verdict_of(gate, audit, Outcome.UNDECIDED, reason, needs)
    reason = (
        f"no evidence of more than epsilon {limit:g}{place_of(audit)}: "
        f"at least {audit.value:.3g} shown, {tried}"
    )
    return verdict_of(gate, audit, Outcome.PASS, reason)


def _most(audit: Measurement) -> str:
    return "an epsilon that it does not tell" if audit.high is None else f"at most {audit.high:.3g}"


def _canaries_needed(audit: Measurement, limit: float, confidence: float) -> int:
    """As many more than there were as the limit takes more right guesses than the most that was in reach."""
    needed = canaries_to_show(limit, confidence)
    if audit.high is None or audit.high <= 0 or audit.n < 1:
        return needed
    return max(audit.n + 1, math.ceil(audit.n * needed / canaries_to_show(audit.high, confidence)))
