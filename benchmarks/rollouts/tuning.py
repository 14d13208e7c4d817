"""Settings of the peers' rules, tried on the very scenarios of the table, which no team could do.

A setting is kept when it rolls back a fine release in at most 5 % of the rollouts and stops at least 95 % of
both regressions; of those the one with the least harm, on average over both regressions.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from smallcraft.serve.simulation.argo import Argo
from smallcraft.serve.simulation.cells import SimulatedCell
from smallcraft.serve.simulation.flagger import Flagger
from smallcraft.serve.simulation.kayenta import Kayenta
from smallcraft.serve.simulation.rules import Rule
from smallcraft.serve.simulation.scenarios import find_scenario
from smallcraft.serve.simulation.simulate import simulate_rule
from smallcraft.serve.simulation.traffic import Traffic

MOST_FALSE, LEAST_CAUGHT = 0.05, 0.95
REGRESSIONS = ("errors", "slow_tail")
_HORIZON_S = 4 * 3600.0
_STAGES = (0.05, 0.10, 0.25, 0.50)
_EVENLY = tuple(percent / 100 for percent in range(5, 55, 5))
_SUCCESS = (0.97, 0.975, 0.98)
# Of the stable release's 99th percentile.
_P99 = (1.2, 1.35, 1.5)


@dataclass(frozen=True)
class Trial:
    """A setting and what it did.

    Attributes:
        rule: The setting.
        false_rollbacks: Share of the rollouts of a fine release.
        caught: Share of both regressions that was rolled back, the smaller one; None when it was not tried.
        harm: Mean over both regressions; None when it was not tried.
    """

    rule: Rule
    false_rollbacks: float
    caught: float | None
    harm: float | None

    @property
    def is_kept(self) -> bool:
        """Whether it may be chosen."""
        return self.false_rollbacks <= MOST_FALSE and self.caught is not None and self.caught >= LEAST_CAUGHT


def flagger_settings(traffic: Traffic) -> Iterator[Flagger]:
    """162 of them."""
    grid = itertools.product((30.0, 60.0, 120.0), (1, 2, 3), (_STAGES, _EVENLY), _SUCCESS, _P99)
    for tick_s, threshold, weights, success, p99 in grid:
        yield Flagger(
            name="Flagger, tuned",
            tick_s=tick_s,
            threshold=threshold,
            weights=weights,
            least_success=success,
            most_p99_s=p99 * traffic.p99_s,
        )


def argo_settings(traffic: Traffic) -> Iterator[Argo]:
    """144 of them."""
    pauses = ((30.0, 120.0), (60.0, 120.0), (60.0, 240.0), (120.0, 240.0))
    for (tick_s, pause_s), limit, success, p99 in itertools.product(pauses, (0, 1, 2, 3), _SUCCESS, _P99):
        yield Argo(
            name="Argo Rollouts, tuned",
            tick_s=tick_s,
            weights=_STAGES,
            pause_s=pause_s,
            starts=0,
            least_success=success,
            most_p99_s=p99 * traffic.p99_s,
            failure_limit=limit,
        )


def kayenta_settings(traffic: Traffic) -> Iterator[Kayenta]:  # noqa: ARG001 - it compares, and needs no threshold
    """18 of them."""
    grid = itertools.product((0.05, 0.10, 0.25), (5.0, 10.0, 20.0), (1, 2))
    for weight, step_s, judgements in grid:
        yield Kayenta(name="Kayenta, tuned", weight=weight, step_s=step_s, points=50, judgements=judgements)


SETTINGS: dict[str, Callable[[Traffic], Iterator[Rule]]] = {
    "flagger": flagger_settings,
    "argo": argo_settings,
    "kayenta": kayenta_settings,
}


def try_setting(rule: Rule, traffic: Traffic, *, rollouts: int, seed: int) -> Trial:
    """A fine release first, a few times, then more often; the regressions only when it is left alone."""

    def cell(name: str, rollouts: int = rollouts) -> SimulatedCell:
        return simulate_rule(
            rule,
            find_scenario(name),
            traffic=traffic,
            rollouts=rollouts,
            seed=seed,
            horizon_s=_HORIZON_S,
        )

    false_rollbacks = cell("fine", max(rollouts // 5, 20)).rolled_back.share
    if false_rollbacks <= 3 * MOST_FALSE:
        false_rollbacks = cell("fine").rolled_back.share
    if false_rollbacks > MOST_FALSE:
        return Trial(rule, false_rollbacks, None, None)
    cells = [cell(name) for name in REGRESSIONS]
    return Trial(
        rule,
        false_rollbacks,
        min(one.rolled_back.share for one in cells),
        sum(one.excess_bad.mean for one in cells) / len(cells),
    )


def best_of(trials: list[Trial]) -> Trial | None:
    """The kept one with the least harm; when none is kept, the quiet one that catches most."""
    kept = [trial for trial in trials if trial.is_kept]
    if kept:
        return min(kept, key=lambda trial: trial.harm or 0.0)
    quiet = [trial for trial in trials if trial.caught is not None]
    return max(quiet, key=lambda trial: trial.caught or 0.0) if quiet else None
