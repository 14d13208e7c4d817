import numpy as np
import pytest

from smallcraft.serve.rollout.counts import LATENCY_EDGES_S
from smallcraft.serve.simulation.flagger import Flagger, steady_orders
from smallcraft.serve.simulation.rules import GOES_ON, PROMOTED, ROLLED_BACK, Service
from smallcraft.serve.simulation.scenarios import SCENARIOS
from smallcraft.serve.simulation.traffic import Traffic
from smallcraft.serve.simulation.world import World, draw_streams

SERVICE = Service(has_keys=False, classes=8, disagreement=0.05, escalation=None)


class Intervals:
    """One rollout whose intervals are made by hand."""

    def __init__(self, rule):
        self.run = rule.begin(1, seed=0, service=SERVICE)
        self.tally = World(Traffic(), SCENARIOS["fine"], streams=draw_streams(1, 0), places=1).tally
        self.looks = 0

    @property
    def weight(self):
        return float(self.run.orders().weights[0])

    def pass_by(self, *, requests=1000, failures=0, seconds=0.02):
        self.looks += 1
        self.tally.requests[0, 0, 1] += requests
        self.tally.failures[0, 0, 1] += failures
        self.tally.durations[0, 0, 1, np.searchsorted(LATENCY_EDGES_S, seconds, side="right")] += requests
        moves = self.run.look(self.tally, now_s=60.0 * self.looks)
        return int(moves.ended[0]), int(moves.causes[0])


def test_passing_intervals_raise_the_weight_step_by_step_and_promote_at_the_last():
    rollout = Intervals(Flagger("docs"))
    weights = []
    for _ in range(4):
        weights.append(rollout.weight)
        assert rollout.pass_by() == (GOES_ON, -1)
    assert (*weights, rollout.weight) == (0.1, 0.2, 0.3, 0.4, 0.5)
    assert rollout.pass_by() == (PROMOTED, -1)


def test_the_rollback_comes_an_interval_after_the_check_that_reached_the_threshold():
    rollout = Intervals(Flagger("docs", threshold=2))
    assert rollout.pass_by(failures=11) == (GOES_ON, -1)
    assert rollout.pass_by(failures=11) == (GOES_ON, -1)
    assert rollout.weight == 0.1
    assert rollout.pass_by() == (ROLLED_BACK, 0)


def test_a_rollback_is_put_down_to_what_failed_most_and_success_is_looked_at_first():
    rollout = Intervals(Flagger("docs", threshold=3))
    for failures, seconds in ((0, 1.0), (11, 1.0), (0, 1.0)):
        assert rollout.pass_by(failures=failures, seconds=seconds) == (GOES_ON, -1)
    assert rollout.pass_by() == (ROLLED_BACK, 1)
    both = Intervals(Flagger("docs", threshold=1))
    both.pass_by(failures=11, seconds=1.0)
    # An interval that fails both checks fails once, for the first of them.
    assert both.pass_by() == (ROLLED_BACK, 0)
    assert both.run._failed.tolist() == [[1, 0]]


def test_failed_checks_are_not_forgiven_by_passing_ones():
    rollout = Intervals(Flagger("docs", threshold=2))
    for failures in (11, 0, 11):
        assert rollout.pass_by(failures=failures)[0] == GOES_ON
    assert rollout.pass_by()[0] == ROLLED_BACK


def test_exactly_the_least_success_rate_passes():
    rollout = Intervals(Flagger("docs"))
    rollout.pass_by(failures=10)
    assert rollout.weight == 0.2


@pytest.mark.parametrize(("seconds", "weight"), [(0.49, 0.2), (0.51, 0.1)])
def test_a_slow_99th_percentile_is_a_failed_check(seconds, weight):
    # A bin on either side of the threshold.
    rollout = Intervals(Flagger("docs", most_p99_s=0.5))
    rollout.pass_by(seconds=seconds * 1.06 if seconds > 0.5 else seconds / 1.06)
    assert rollout.weight == weight


def test_an_interval_without_requests_is_a_failed_check():
    rollout = Intervals(Flagger("docs", threshold=1))
    rollout.pass_by(requests=0)
    assert rollout.weight == 0.1
    assert rollout.pass_by() == (ROLLED_BACK, 0)


def test_steady_orders_count_in_one_place_and_shadow_nothing():
    orders = steady_orders(np.array([0.1, 0.2]))
    assert orders.weights.tolist() == [0.1, 0.2]
    assert not orders.places.any()
    assert not orders.is_shadow.any()
