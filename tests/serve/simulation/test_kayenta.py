import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from smallcraft.serve.simulation.kayenta import Kayenta, are_high
from smallcraft.serve.simulation.rules import GOES_ON, PROMOTED, ROLLED_BACK, Service
from smallcraft.serve.simulation.scenarios import SCENARIOS, Change, Scenario
from smallcraft.serve.simulation.traffic import Traffic
from smallcraft.serve.simulation.world import World, draw_streams

SERVICE = Service(has_keys=False, classes=8, disagreement=0.05, escalation=None)


def limit_by_search(experiment, control, *, quantile):
    """Where the standardised rank sum of the shifted series crosses a quantile, as the judge finds it."""
    n, m = len(experiment), len(control)

    def standardised(shift):
        ranks = stats.rankdata([*(experiment - shift), *control])
        _, counts = np.unique(ranks, return_counts=True)
        distance = ranks[:n].sum() - n * (n + 1) / 2 - n * m / 2
        ties = (counts.astype(float) ** 3 - counts).sum() / ((n + m) * (n + m - 1))
        spread = np.sqrt(n * m / 12 * (n + m + 1 - ties))
        return (distance - np.sign(distance) * 0.5) / spread - quantile

    low, high = experiment.min() - control.max(), experiment.max() - control.min()
    if standardised(low) <= 0:
        return low
    if standardised(high) >= 0:
        return high
    return optimize.brentq(standardised, low, high, xtol=1e-10)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.floats(0, 2.5))
def test_high_is_what_a_search_for_the_limits_calls_high(seed, shift):
    rng = np.random.default_rng(seed)
    experiment, control = rng.normal(shift, 1, 20), rng.normal(0, 1, 20)
    lower = limit_by_search(experiment, control, quantile=stats.norm.ppf(0.99))
    estimate = limit_by_search(experiment, control, quantile=0.0)
    # The estimate is a jump of a step function: any place between two differences, so near ties are left out.
    if abs(lower - 0.25 * abs(estimate)) > 0.05:
        assert bool(are_high(experiment, control)) == (lower > 0.25 * abs(estimate))


def test_equal_series_are_not_high_even_when_constant():
    assert not are_high(np.zeros(10), np.zeros(10))
    assert not are_high(np.arange(10.0), np.arange(10.0))


def test_a_large_shift_is_high_and_its_reverse_is_not():
    low, high = np.arange(50.0), np.arange(50.0) + 100
    assert are_high(high, low)
    assert not are_high(low, high)


def judged(change, *, judgements=1, rollouts=20, **thresholds):
    rule = Kayenta("kayenta", weight=0.3, step_s=5.0, points=20, judgements=judgements, **thresholds)
    scenario = Scenario("any", "", is_worse=True, change=change)
    world = World(Traffic(requests_s=100), scenario, streams=draw_streams(rollouts, 1), places=1)
    run = rule.begin(rollouts, seed=2, service=SERVICE)
    ends = []
    for look in range(1, rule.points * judgements + 1):
        world.send(run.orders(), seconds=rule.tick_s)
        moves = run.look(world.tally, now_s=look * rule.tick_s)
        ends.append(moves)
    return ends


def test_nothing_is_judged_before_all_points_are_there():
    ends = judged(Change(added_errors=0.5))
    assert all((moves.ended == GOES_ON).all() for moves in ends[:-1])
    assert (ends[-1].ended == ROLLED_BACK).all()
    assert (ends[-1].causes == 0).all()


def test_what_is_no_different_passes_mostly_and_only_after_the_last_judgement():
    ends = judged(None, judgements=2)
    assert (ends[19].ended == GOES_ON).mean() > 0.8
    assert (ends[-1].ended == PROMOTED).mean() > 0.8


def test_slow_requests_fail_by_their_duration():
    ends = judged(Change(slower=3.0))
    assert (ends[-1].causes == 1).all()


def test_one_metric_of_two_is_half_the_score_and_is_held_against_both_thresholds():
    slow, rollouts = Change(slower=3.0), 8
    # 50 is below 75: it fails at once. Where 50 is marginal it goes on, and does not pass in the end.
    fails, marginal, passes = (
        [
            (moves.ended == ROLLED_BACK).all()
            for moves in judged(slow, judgements=2, rollouts=rollouts, **settings)
        ]
        for settings in ({}, {"marginal": 50.0}, {"marginal": 50.0, "passing": 49.0})
    )
    assert fails[19]
    assert (marginal[19], marginal[39]) == (False, True)
    assert not passes[39]


def test_the_baseline_is_as_large_as_the_canary():
    rule = Kayenta("kayenta", weight=0.2)
    world = World(Traffic(error_rate=0.2), SCENARIOS["fine"], streams=draw_streams(400, 1), places=1)
    run = rule.begin(400, seed=2, service=SERVICE)
    world.send(run.orders(), seconds=20.0)
    points = run._points(run._reader.since(world.tally))
    # Errors of as many requests vary as much in both.
    spread = points[:, 0].std(axis=0)
    assert points[:, 0].mean(axis=0) == pytest.approx([0.2, 0.2], abs=0.02)
    assert spread[0] == pytest.approx(spread[1], rel=0.15)
