import numpy as np
import pytest

from smallcraft.serve.rollout.counts import LATENCY_EDGES_S
from smallcraft.serve.simulation.scenarios import SCENARIOS, Change, Incident, Scenario
from smallcraft.serve.simulation.traffic import Traffic
from smallcraft.serve.simulation.world import Orders, World, draw_streams


def orders(rollouts, share):
    return Orders(
        np.full(rollouts, share),
        np.zeros(rollouts, dtype=int),
        np.zeros(rollouts),
        np.zeros(rollouts, dtype=bool),
    )


def world(scenario, *, rollouts=4, seed=3, traffic=None):
    return World(traffic or Traffic(), scenario, streams=draw_streams(rollouts, seed), places=1)


def rates(tally):
    return tally.failures.sum(axis=(0, 1)) / tally.requests.sum(axis=(0, 1))


@pytest.mark.parametrize("name", ["fine", "sticky", "incident", "leak"])
def test_what_a_rollout_meets_does_not_depend_on_those_beside_it(name):
    few, many = world(SCENARIOS[name], rollouts=3), world(SCENARIOS[name], rollouts=6)
    for share in (0.0, 0.1, 0.5):
        few.send(orders(3, share), seconds=2.5)
        many.send(orders(6, share), seconds=2.5)
    many.keep(np.array([0, 2]))
    few.keep(np.array([0, 2]))
    for share in (0.5, 0.9):
        few.send(orders(2, share), seconds=1.0)
        many.send(orders(2, share), seconds=1.0)
    assert few.tally.requests.sum() > 100
    for counts, others in zip(few.tally, many.tally, strict=True):
        assert counts.tolist() == others.tolist()


def test_an_incident_strikes_both_arms_for_its_time_and_does_no_harm():
    incident = Incident(added_errors=0.4, slower=3.0, lasts_s=5.0, within_s=0.0)
    it = world(Scenario("any", "", is_worse=False, incident=incident), rollouts=30)
    it.send(orders(30, 0.5), seconds=5.0)
    assert rates(it.tally) == pytest.approx([0.41, 0.41], abs=0.03)
    assert not it.tally.excess.any()
    before = it.tally.failures.sum(), it.tally.requests.sum()
    it.send(orders(30, 0.5), seconds=5.0)
    after = it.tally.failures.sum() - before[0], it.tally.requests.sum() - before[1]
    assert after[0] / after[1] == pytest.approx(0.01, abs=0.01)


def test_an_incident_waits_for_the_first_request_of_the_new_release():
    incident = Incident(added_errors=0.4, lasts_s=5.0, within_s=0.0)
    it = world(Scenario("any", "", is_worse=False, incident=incident), rollouts=30)
    it.send(orders(30, 0.0), seconds=20.0)
    assert it.tally.failures.sum() < 0.02 * it.tally.requests.sum()
    it.send(orders(30, 0.1), seconds=5.0)
    assert it.tally.failures.sum() > 1000


def test_a_late_change_begins_with_its_share_and_stays():
    it = world(Scenario("any", "", is_worse=True, change=Change(added_errors=0.3, share=0.25)), rollouts=20)
    it.send(orders(20, 0.2), seconds=10.0)
    assert rates(it.tally)[1] < 0.03
    it.send(orders(20, 0.25), seconds=10.0)
    grown = it.tally.excess.sum() / it.tally.requests[:, :, 1].sum()
    assert grown == pytest.approx(0.3 * 0.25 / 0.45, abs=0.03)
    before = it.tally.excess.sum()
    it.send(orders(20, 0.1), seconds=10.0)
    assert it.tally.excess.sum() > before + 200


def test_a_change_that_grows_is_half_there_at_half_its_time():
    it = world(Scenario("any", "", is_worse=True, change=Change(added_errors=0.4, grows_s=20.0)), rollouts=40)
    it.send(orders(40, 0.5), seconds=10.0)
    assert rates(it.tally)[1] == pytest.approx(0.01 + 0.4 * 0.25, abs=0.02)


def medians_s(tally):
    """Of each arm, to a bin."""
    cumulated = tally.durations.sum(axis=(0, 1)).cumsum(axis=-1)
    return LATENCY_EDGES_S[(cumulated < cumulated[:, -1:] / 2).sum(axis=-1)]


def test_a_release_that_takes_longer_or_fails_less_often_does_so_in_its_own_arm():
    change = Change(error_times=0.25, slower=1.5)
    it = world(
        Scenario("any", "", is_worse=True, change=change), rollouts=40, traffic=Traffic(error_rate=0.2)
    )
    it.send(orders(40, 0.5), seconds=10.0)
    assert rates(it.tally) == pytest.approx([0.2, 0.05], abs=0.02)
    assert medians_s(it.tally) == pytest.approx([0.02, 0.03], rel=0.06)


def test_an_incident_slows_both_arms():
    incident = Incident(added_errors=0.0, slower=3.0, lasts_s=10.0, within_s=0.0)
    it = world(Scenario("any", "", is_worse=False, incident=incident), rollouts=40)
    it.send(orders(40, 0.5), seconds=10.0)
    assert medians_s(it.tally) == pytest.approx([0.06, 0.06], rel=0.06)


def test_the_first_of_many_streams_are_those_of_few():
    assert draw_streams(1000, 5)[:10].tolist() == draw_streams(10, 5).tolist()
    assert draw_streams(10, 5).tolist() != draw_streams(10, 6).tolist()


def test_stalls_fall_on_their_share_of_requests_and_are_bad_ones():
    it = world(Scenario("any", "", is_worse=True, change=Change(stalls=0.1)), rollouts=40)
    it.send(orders(40, 0.5), seconds=10.0)
    # Of those that stall a few were bad anyway, and a few are quick even so.
    assert it.tally.excess.sum() / it.tally.requests[:, :, 1].sum() == pytest.approx(0.1 * 0.86, abs=0.02)
