"""Runs a rule in a world until every rollout has ended.

Always: a rollout's fate depends on its own stream and the rule's settings, not on how many run beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial

import numpy as np
from numpy.typing import NDArray

from smallcraft.engine.engines import Engine, shared_engine
from smallcraft.serve.simulation.rules import GOES_ON, Rule, Run, Service
from smallcraft.serve.simulation.scenarios import Scenario
from smallcraft.serve.simulation.traffic import Traffic
from smallcraft.serve.simulation.world import World, draw_streams

Progress = Callable[[int, int], None]
# Rollouts that are looked at together: enough to pay for a call, few enough for many baselines.
TOGETHER = 200
# Those that have ended are let go once they are so large a part.
_ENDED = 0.1


@dataclass(frozen=True)
class Fates:
    """What became of each rollout; `r` of them.

    Attributes:
        ended: `(r,)` int64, a place in `rules.ENDS`, or `rules.GOES_ON` when time was up.
        causes: `(r,)` int64, a place in the rule's `causes`; -1 for none.
        ended_s: `(r,)` float64, seconds from the beginning.
        excess: `(r,)` int64, bad requests beyond those that the stable release would have had.
        requests: `(r,)` int64, that the canary answered.
        weights: `(r,)` float64, the canary's share at the end.
        groups: `(r,)` int64, equal for those that were looked at together, and may share a baseline.
    """

    ended: NDArray[np.int64]
    causes: NDArray[np.int64]
    ended_s: NDArray[np.float64]
    excess: NDArray[np.int64]
    requests: NDArray[np.int64]
    weights: NDArray[np.float64]
    groups: NDArray[np.int64]


@dataclass(frozen=True)
class Play:
    """What is played, the same in all its parts.

    Attributes:
        rule: Decides.
        traffic: The service.
        scenario: What happens to it.
        rollouts: How many.
        seed: Of all chance.
        horizon_s: A rollout that goes on for longer is left as it is.
    """

    rule: Rule
    traffic: Traffic
    scenario: Scenario
    rollouts: int
    seed: int
    horizon_s: float


def run_rule(
    rule: Rule,
    traffic: Traffic,
    scenario: Scenario,
    *,
    rollouts: int,
    seed: int,
    horizon_s: float,
    progress: Progress | None = None,
    engine: Engine | None = None,
) -> Fates:
    """Roll out so many times.

    Args:
        rule: Decides.
        traffic: The service.
        scenario: What happens to it.
        rollouts: How many.
        seed: Of all chance.
        horizon_s: A rollout that goes on for longer is left as it is.
        progress: Told how many rollouts are done, of how many.
        engine: Where they are played; None for this machine.
    """
    play = Play(rule, traffic, scenario, rollouts, seed, horizon_s)
    begins = range(0, rollouts, TOGETHER)
    parts: list[Fates] = []
    for done in (engine or shared_engine()).map(partial(_play_part, play), begins):
        parts.append(done.value)
        if progress is not None:
            progress(min(len(parts) * TOGETHER, rollouts), rollouts)
    return Fates(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(Fates)))


def _play_part(play: Play, begin: int) -> Fates:
    """The rollouts that are looked at together from one on."""
    part = np.arange(begin, min(begin + TOGETHER, play.rollouts))
    fates = Fates(
        ended=np.full(len(part), GOES_ON, dtype=np.int64),
        causes=np.full(len(part), -1, dtype=np.int64),
        ended_s=np.full(len(part), play.horizon_s),
        excess=np.zeros(len(part), dtype=np.int64),
        requests=np.zeros(len(part), dtype=np.int64),
        weights=np.zeros(len(part)),
        groups=part // TOGETHER,
    )
    traffic, keys = play.traffic, play.scenario.keys or play.traffic.keys
    service = Service(
        has_keys=keys is not None,
        classes=len(traffic.classes),
        disagreement=traffic.allowed_disagreement,
        escalation=traffic.escalation,
    )
    streams = draw_streams(play.rollouts, play.seed)
    world = World(traffic, play.scenario, streams=streams[part], places=play.rule.places)
    run = play.rule.begin(len(part), seed=play.seed + begin, service=service)
    rows = np.arange(len(part))
    _run_part(run, world, rows, fates, tick_s=play.rule.tick_s, horizon_s=play.horizon_s)
    return fates


def _run_part(
    run: Run, world: World, rows: NDArray[np.int64], fates: Fates, *, tick_s: float, horizon_s: float
) -> None:
    """Until all of some rollouts have ended; `fates` is written at `rows`."""
    looks = 0
    is_live = np.ones(len(rows), dtype=np.bool_)
    while is_live.any() and (looks + 1) * tick_s <= horizon_s + 1e-9:
        orders, looks = run.orders(), looks + 1
        world.send(orders, seconds=tick_s)
        moves = run.look(world.tally, now_s=looks * tick_s)
        ends = is_live & (moves.ended != GOES_ON)
        fates.ended[rows[ends]], fates.causes[rows[ends]] = moves.ended[ends], moves.causes[ends]
        fates.ended_s[rows[ends]] = looks * tick_s
        # What the others met goes on being written, for those whose time is up.
        fates.weights[rows[is_live]] = orders.weights[is_live]
        fates.excess[rows[is_live]] = world.tally.excess[is_live]
        fates.requests[rows[is_live]] = _served(world)[is_live]
        is_live &= ~ends
        if is_live.mean() < 1 - _ENDED:
            kept = np.flatnonzero(is_live)
            world.keep(kept)
            run.keep(kept)
            rows, is_live = rows[kept], is_live[kept]


def _served(world: World) -> NDArray[np.int64]:
    return np.asarray(world.tally.requests[:, :, 1].sum(axis=1))
