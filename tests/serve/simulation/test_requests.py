import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smallcraft.serve.simulation.plain_requests import send_plainly
from smallcraft.serve.simulation.requests import Memory, Moment, send
from smallcraft.serve.simulation.scenarios import SCENARIOS, Change, Scenario
from smallcraft.serve.simulation.traffic import Keys, Traffic
from smallcraft.serve.simulation.world import World, draw_streams

ROLLOUTS = 3


def moments(seed):
    """A few of them with everything in motion."""
    rng = np.random.default_rng(seed)
    settled = np.zeros(ROLLOUTS)
    for place in range(4):
        weights = np.full(ROLLOUTS, 0.0 if place == 0 else 0.2 * place)
        yield Moment(
            seconds=float(rng.uniform(0.5, 2)),
            weights=weights,
            places=np.full(ROLLOUTS, place),
            settled=settled,
            is_shadow=np.full(ROLLOUTS, place == 0),
            times=rng.uniform(0.5, 2, (ROLLOUTS, 2)),
            added=rng.uniform(0, 0.3, (ROLLOUTS, 2)),
            shift=rng.uniform(-0.5, 0.5, (ROLLOUTS, 2)),
            stretch=rng.uniform(0, 0.5, (ROLLOUTS, 2)),
            stalls=rng.uniform(0, 0.3, (ROLLOUTS, 2)),
            is_changed=rng.random(ROLLOUTS) < 0.5,
        )
        settled = weights


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32), st.booleans())
def test_sending_equals_its_plain_twin_in_every_count_and_random_number(seed, has_keys):
    traffic = Traffic(escalation=0.2, error_rate=0.1, disagreement=0.3)
    scenario = Scenario(
        "any", "", is_worse=True, change=Change(likelier=2.0, unsure=0.1), keys=Keys(30) if has_keys else None
    )
    worlds = [World(traffic, scenario, streams=draw_streams(ROLLOUTS, seed), places=4) for _ in range(2)]
    for moment in moments(seed):
        for world, sends in zip(worlds, (send, send_plainly), strict=True):
            sends(world._law, world._tables, moment, world._memory, world.tally)
    compiled, plain = worlds
    assert compiled.tally.requests.sum() > 50
    for name, counts in compiled.tally._asdict().items():
        assert counts.tolist() == getattr(plain.tally, name).tolist(), name
    for name in Memory._fields:
        assert getattr(compiled._memory, name).tolist() == getattr(plain._memory, name).tolist(), name


@pytest.fixture(scope="module")
def sticky():
    """One rollout of sticky senders, at rising weights."""
    world = World(Traffic(requests_s=200), SCENARIOS["sticky"], streams=draw_streams(1, 5), places=3)
    settled = np.zeros(1)
    for place, share in enumerate((0.0, 0.3, 0.6)):
        moment = world._moment(orders := _orders(share, place=place, settled=settled), 30.0)
        send(world._law, world._tables, moment, world._memory, world.tally)
        settled = np.maximum(settled, orders.weights)
    return world.tally


def _orders(share, *, place, settled):
    from smallcraft.serve.simulation.world import Orders

    return Orders(np.full(1, share), np.full(1, place), settled, np.full(1, place == 0))


def test_a_key_counts_once_a_step_and_all_its_requests_are_requests(sticky):
    assert sticky.requests.sum() > 3 * sticky.subjects.sum()
    assert (sticky.subjects.sum(axis=(0, 2)) < Keys().count).all()
    assert (sticky.errors <= sticky.failures).all()
    assert sticky.errors.sum() < sticky.failures.sum()


def test_a_key_that_was_the_canarys_before_is_no_subject_of_a_later_step(sticky):
    # From 0.3 to 0.6: of the keys that still count, 3 in 7 are the canary's.
    late = sticky.subjects[0, 2]
    assert late[1] / late.sum() == pytest.approx(3 / 7, abs=0.06)
    assert sticky.requests[0, 2, 1] > sticky.subjects[0, 2, 1]


def test_a_failure_is_in_no_bin_of_evidence_but_has_a_duration(sticky):
    assert sticky.durations.sum() == sticky.requests.sum()
    assert sticky.latency.sum() == sticky.rows.sum() < sticky.subjects.sum()
