"""Where a rollout stands: all that the rules read, and all that must survive a power cut.

Leaves to others: how it moves (`phases`), how it is stored (`stored_form`, `serve.state`).
Always: frozen; a change is another record.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from smallcraft.serve.rollout.counts import CANARY, STABLE, ArmCounts
from smallcraft.serve.rollout.evidence import Baseline, Step
from smallcraft.serve.rollout.named_release import NamedRelease
from smallcraft.serve.rollout.plan import RolloutPlan

Phase = Literal["loading", "shadow", "canary", "watch", "done", "rolled_back", "frozen"]
OrderKind = Literal["abort", "promote", "freeze", "resume"]
ENDED: tuple[Phase, ...] = ("done", "rolled_back")


@dataclass(frozen=True, slots=True)
class Order:
    """What a person wants, or the server itself; `reason` is theirs and goes into the receipt."""

    kind: OrderKind
    reason: str = ""
    by: Literal["person", "server"] = "person"


@dataclass(frozen=True, slots=True)
class Health:
    """What was seen of the new release's workers, outside statistics.

    Attributes:
        is_loaded: Whether one is ready now; never after a restart, until one says so.
        load_failure: Why it could not be loaded, or failed its self-check; empty for neither.
        crashes: How often one died.
        answered: Requests that it answered.
        unanswered: Requests that it did not, through a time-out or otherwise, before it answered any.
        stable_answered: What the stable arm answered since the first of those.
        memory_bytes: Of one that grew past its limit; 0 for none.
        memory_limit_bytes: That limit.
    """

    is_loaded: bool = False
    load_failure: str = ""
    crashes: int = 0
    answered: int = 0
    unanswered: int = 0
    stable_answered: int = 0
    memory_bytes: int = 0
    memory_limit_bytes: int = 0


@dataclass(frozen=True, eq=False)
class RolloutState:
    """One rollout, at one moment.

    Attributes:
        id: Names it; unique.
        stable: The release that answers now.
        canary: The new one.
        plan: The declared settings, fixed.
        salt: Of the assignment of keys to arms, fixed.
        epoch: Of the controller that decided last.
        phase: One of `Phase`.
        frozen_from: The phase that it froze in; None unless FROZEN.
        stage: Index into `plan.stages`; 0 before CANARY.
        weight: Share of traffic that the new release is meant to get.
        since_s: Monotonic second in which the present step, or the present process, began.
        steps: What each step saw, the present one last; none in LOADING.
        baseline: Declared at the start; its counts are frozen at the end of SHADOW.
        classes: Names of the stable release's classes, as they are counted; empty for none.
        health: Of the new release's workers.
        receipts: How many there are.
        last_receipt: Digest of the last one; None before the first.
        is_handed_over: Whether the world outside was told of DONE.
    """

    id: str
    stable: NamedRelease
    canary: NamedRelease
    plan: RolloutPlan
    salt: str
    epoch: int
    baseline: Baseline
    classes: tuple[str, ...] = ()
    phase: Phase = "loading"
    frozen_from: Phase | None = None
    stage: int = 0
    weight: float = 0.0
    since_s: float = 0.0
    steps: tuple[Step, ...] = ()
    health: Health = field(default_factory=Health)
    receipts: int = 0
    last_receipt: str | None = None
    is_handed_over: bool = False

    @property
    def place(self) -> Phase:
        """The phase, or the one it froze in."""
        return self.frozen_from or self.phase

    @property
    def step(self) -> int:
        """Number of the present step, from 0; -1 before the first."""
        return len(self.steps) - 1

    @property
    def is_ended(self) -> bool:
        """Whether nothing follows any more."""
        return self.phase in ENDED

    @property
    def settled_below(self) -> float:
        """The largest weight of all earlier steps: keys with a bucket below it are settled in their arm."""
        return max((step.weight for step in self.steps[:-1]), default=0.0)

    def with_health(self, **changes: object) -> RolloutState:
        """The same with other health."""
        return replace(self, health=replace(self.health, **changes))  # type: ignore[arg-type]


def requests_of(step: Step) -> tuple[int, int]:
    """Requests of (stable, canary) in a step, with and without keys."""
    return _both(step, "requests", STABLE), _both(step, "requests", CANARY)


def compared_in(step: Step) -> int:
    """Requests that both releases answered in a step of SHADOW."""
    return int(step.counts.compared) + (int(step.keyed.compared) if step.keyed is not None else 0)


def merged(step: Step) -> ArmCounts:
    """Counts of a step with and without keys together, to be shown; the tests look at each alone."""
    return step.counts if step.keyed is None else step.counts + step.keyed


def _both(step: Step, name: str, arm: int) -> int:
    keyed = 0 if step.keyed is None else int(getattr(step.keyed, name)[arm])
    return int(getattr(step.counts, name)[arm]) + keyed
