import numpy as np

from smallcraft.serve.rollout.counts import LATENCY_EDGES_S
from smallcraft.serve.simulation.argo import Argo
from smallcraft.serve.simulation.rules import FROZEN, GOES_ON, PROMOTED, ROLLED_BACK, Service
from smallcraft.serve.simulation.scenarios import SCENARIOS
from smallcraft.serve.simulation.traffic import Traffic
from smallcraft.serve.simulation.world import World, draw_streams

SERVICE = Service(has_keys=False, classes=8, disagreement=0.05, escalation=None)
# Two measurements a weight, analysed from the first one on.
SETTINGS = {"tick_s": 60.0, "pause_s": 120.0, "weights": (0.1, 0.5), "starts": 0}


class Measurements:
    """One rollout whose measurements are made by hand."""

    def __init__(self, **settings):
        rule = Argo("argo", **{**SETTINGS, **settings})
        self.tick_s, self.run = rule.tick_s, rule.begin(1, seed=0, service=SERVICE)
        self.tally = World(Traffic(), SCENARIOS["fine"], streams=draw_streams(1, 0), places=1).tally
        self.looks = 0

    @property
    def weight(self):
        return float(self.run.orders().weights[0])

    def take(self, *, failures=0, seconds=0.02, requests=100):
        self.looks += 1
        self.tally.requests[0, 0, 1] += requests
        self.tally.failures[0, 0, 1] += failures
        self.tally.durations[0, 0, 1, np.searchsorted(LATENCY_EDGES_S, seconds, side="right")] += requests
        moves = self.run.look(self.tally, now_s=self.tick_s * self.looks)
        return int(moves.ended[0]), int(moves.causes[0])


def test_the_clock_raises_the_weight_and_promotes():
    rollout = Measurements()
    assert rollout.weight == 0.1
    assert [rollout.take() for _ in range(3)] == [(GOES_ON, -1)] * 3
    assert rollout.weight == 0.5
    assert rollout.take() == (PROMOTED, -1)


def test_more_failures_than_the_limit_abort_at_once():
    rollout = Measurements(failure_limit=1)
    assert rollout.take(failures=6) == (GOES_ON, -1)
    assert rollout.take() == (GOES_ON, -1)
    assert rollout.take(failures=6) == (ROLLED_BACK, 0)


def test_each_metric_has_a_limit_of_its_own():
    rollout = Measurements(failure_limit=1, most_p99_s=0.1)
    assert rollout.take(failures=6)[0] == GOES_ON
    assert rollout.take(seconds=0.2)[0] == GOES_ON
    assert rollout.take(seconds=0.2) == (ROLLED_BACK, 1)


def test_before_its_starting_step_nothing_is_measured():
    rollout = Measurements(starts=1, failure_limit=0)
    assert rollout.take(failures=100)[0] == GOES_ON
    assert rollout.take(failures=100)[0] == GOES_ON
    assert rollout.take(failures=100)[0] == ROLLED_BACK


def test_between_both_conditions_a_person_must_decide():
    rollout = Measurements(least_success=0.95, surely_failed=0.5, failure_limit=0)
    assert rollout.take()[0] == GOES_ON
    assert rollout.take(failures=10)[0] == FROZEN
    assert (
        Measurements(least_success=0.95, surely_failed=0.5, failure_limit=0).take(failures=60)[0]
        == ROLLED_BACK
    )


def test_without_requests_there_is_no_measurement():
    rollout = Measurements(failure_limit=0, most_p99_s=0.1)
    assert rollout.take(requests=0)[0] == GOES_ON
