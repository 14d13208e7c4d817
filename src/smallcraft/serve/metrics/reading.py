"""What is shown at one moment: totals, workers, and the rollout if there is one.

Leaves to others: who measures (`totals`, the supervisor), how it is written (`prometheus`).
Always: an e-value that was not measured is left out, never 0 or 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from smallcraft.serve.metrics.totals import Totals
from smallcraft.serve.rollout.causes import as_e_value
from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.serve.rollout.standing import Phase
from smallcraft.serve.rollout.status import RolloutStatus


@dataclass(frozen=True)
class WorkerReading:
    """One worker process.

    Attributes:
        model: Its model's name.
        release: As people name it, `helpdesk@3`.
        worker: Tells it from others of the release.
        memory_bytes: Resident; None where it could not be read.
    """

    model: str
    release: str
    worker: str
    memory_bytes: int | None


@dataclass(frozen=True)
class Restarts:
    """How often workers of a release were started again, for one reason in a word."""

    model: str
    release: str
    reason: str
    count: int


@dataclass(frozen=True)
class RolloutReading:
    """One rollout.

    Attributes:
        rollout: Its id.
        model: The model's name.
        release: The new one, `helpdesk@4`.
        phase: Where it stands.
        weight: Share of traffic for the new release.
        thresholds: E-values from which on it is `hold`, `promote` or `roll_back`.
        against: By guardrail, and `combined`, e-values against the new release.
        non_inferior: By guardrail, e-values for its being no worse.
    """

    rollout: str
    model: str
    release: str
    phase: Phase
    weight: float
    thresholds: Mapping[str, float]
    against: Mapping[str, float]
    non_inferior: Mapping[str, float]


@dataclass(frozen=True)
class Reading:
    """All that is shown.

    Attributes:
        totals: Of all routers.
        version: Of this program.
        rollout: The present or last one; None before the first.
        workers: Those that run.
        restarts: Since the supervisor began.
        alarms: Names of what needs a person now.
    """

    totals: Totals
    version: str
    rollout: RolloutReading | None = None
    workers: tuple[WorkerReading, ...] = ()
    restarts: tuple[Restarts, ...] = ()
    alarms: tuple[str, ...] = ()


def read_rollout(status: RolloutStatus, plan: RolloutPlan) -> RolloutReading:
    """What is shown of a rollout.

    Args:
        status: As the controller tells it.
        plan: Its declared settings.
    """
    evidence = status.evidence or {}
    guardrails = {name: told for name, told in evidence.get("guardrails", {}).items() if told is not None}
    against = {name: _e_value(told["against"]) for name, told in guardrails.items()}
    if status.e_value is not None:
        against["combined"] = status.e_value
    release = status.canary.release.label
    return RolloutReading(
        rollout=status.id,
        model=release.rpartition("@")[0] or release,
        release=release,
        phase=status.phase,
        weight=status.served_weight,
        thresholds={"hold": plan.advance_below, "promote": plan.shown, "roll_back": status.threshold},
        against=against,
        non_inferior={name: _e_value(told["non_inferior"]) for name, told in guardrails.items()},
    )


def _e_value(logarithm: float | None) -> float:
    """An e-value as receipts keep it: by its logarithm, None for that of 0."""
    return 0.0 if logarithm is None else as_e_value(logarithm)
