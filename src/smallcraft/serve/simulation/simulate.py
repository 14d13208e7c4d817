"""What `smallcraft rollout simulate` runs: a plan, or another rule, in a scenario, many times over."""

from __future__ import annotations

from smallcraft.engine.engines import Engine
from smallcraft.errors import InvalidInputError
from smallcraft.serve.rollout.phases import planned_weight
from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.serve.rollout.rules import requirement
from smallcraft.serve.rollout.starting import check_plan
from smallcraft.serve.simulation.cells import SimulatedCell, summarise
from smallcraft.serve.simulation.ours import Smallcraft
from smallcraft.serve.simulation.rules import Rule
from smallcraft.serve.simulation.runs import Progress, run_rule
from smallcraft.serve.simulation.scenarios import Scenario
from smallcraft.serve.simulation.traffic import Traffic

ROLLOUTS = 2000
HORIZON_S = 3600.0
_TICK_S = 0.25
# Looks closer than so many requests see nothing new.
_REQUESTS_A_LOOK = 5
# Proof may take longer than the requests that a plan asks for at least.
_TIMES_THE_LEAST = 3


def simulate(
    plan: RolloutPlan,
    scenario: Scenario,
    *,
    traffic: Traffic | None = None,
    rollouts: int = ROLLOUTS,
    seed: int = 0,
    tick_s: float | None = None,
    horizon_s: float | None = None,
    progress: Progress | None = None,
    engine: Engine | None = None,
) -> SimulatedCell:
    """What a plan does to a release in a scenario.

    Args:
        plan: The settings, such as those of a project.
        scenario: What happens, such as one of `scenarios.SCENARIOS`.
        traffic: The service; None for 50 requests a second of which 1 % fail.
        rollouts: How many times, at least 1; with 2,000 a share of 5 % is known to one percent.
        seed: Of all chance; the same gives the same cell.
        tick_s: Seconds between two looks; None for a quarter, as the controller of production has it, or
            longer where there is less traffic than five requests in that time.
        horizon_s: A rollout that goes on for longer is undecided; None for three times what the plan's
            requests take, an hour at least.
        progress: Told how many rollouts are done, of how many.
        engine: Where they are played; None for this machine.

    Raises:
        InvalidInputError: A bound above does not hold, or the plan cannot be carried out.
    """
    check_plan(plan)
    service = traffic or Traffic()
    return simulate_rule(
        Smallcraft(
            plan, tick_s=max(_TICK_S, _REQUESTS_A_LOOK / service.requests_s) if tick_s is None else tick_s
        ),
        scenario,
        traffic=service,
        rollouts=rollouts,
        seed=seed,
        horizon_s=max(HORIZON_S, _TIMES_THE_LEAST * least_s(plan, service))
        if horizon_s is None
        else horizon_s,
        progress=progress,
        engine=engine,
    )


def least_s(plan: RolloutPlan, traffic: Traffic) -> float:
    """Seconds until the requests that a plan asks for are there.

    Args:
        plan: The settings.
        traffic: The service.

    >>> round(least_s(RolloutPlan(), Traffic()))
    563
    """
    rate = traffic.requests_s
    total = max(plan.shadow_requests, plan.baseline_requests) / rate
    for stage, weight in enumerate(plan.stages):
        required = requirement(plan, "canary", stage)
        total += max(required.dwell_s, required.requests / (rate * weight))
    watched = requirement(plan, "watch")
    return total + max(watched.dwell_s, watched.requests / (rate * planned_weight(plan, "watch", 0)))


def simulate_rule(
    rule: Rule,
    scenario: Scenario,
    *,
    traffic: Traffic | None = None,
    rollouts: int = ROLLOUTS,
    seed: int = 0,
    horizon_s: float = HORIZON_S,
    progress: Progress | None = None,
    engine: Engine | None = None,
) -> SimulatedCell:
    """What any rule does to a release in a scenario.

    Args:
        rule: Such as `flagger.Flagger`.
        scenario: As of `simulate`.
        traffic: As of `simulate`.
        rollouts: As of `simulate`.
        seed: As of `simulate`.
        horizon_s: A rollout that goes on for longer is undecided.
        progress: As of `simulate`.
        engine: As of `simulate`.

    Raises:
        InvalidInputError: There are no rollouts, or no time for a single look.
    """
    if rollouts < 1:
        raise InvalidInputError(f"rollouts must be at least 1, got {rollouts}; 2000 gives 5% to one percent")
    if not 0 < rule.tick_s <= horizon_s:
        raise InvalidInputError(
            f"a look every {rule.tick_s:g} s needs a horizon at least as long, got {horizon_s:g} s"
        )
    service = traffic or Traffic()
    fates = run_rule(
        rule,
        service,
        scenario,
        rollouts=rollouts,
        seed=seed,
        horizon_s=horizon_s,
        progress=progress,
        engine=engine,
    )
    return summarise(rule, service, scenario, fates, seed=seed, horizon_s=horizon_s)
