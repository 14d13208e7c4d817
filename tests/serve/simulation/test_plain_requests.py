import numpy as np
import pytest
from scipy import stats

from smallcraft.serve.simulation.plain_requests import arrive_plainly, send_plainly
from smallcraft.serve.simulation.scenarios import Change, Scenario
from smallcraft.serve.simulation.traffic import Keys, Traffic
from smallcraft.serve.simulation.world import Orders, World, draw_streams

ROLLOUTS = 400


def world(traffic, *, keys=None, change=None):
    scenario = Scenario("any", "", is_worse=False, keys=keys, change=change)
    return World(traffic, scenario, streams=draw_streams(ROLLOUTS, 7), places=1)


def orders(share, *, is_shadow=False):
    return Orders(
        np.full(ROLLOUTS, share),
        np.zeros(ROLLOUTS, dtype=int),
        np.zeros(ROLLOUTS),
        np.full(ROLLOUTS, is_shadow),
    )


@pytest.fixture(scope="module")
def sent():
    """Twenty seconds of traffic, a fifth of it the canary's, who answers otherwise."""
    change = Change(added_errors=0.05, likelier=2.0, unsure=0.2, slower=1.5)
    it = world(Traffic(escalation=0.3), change=change)
    send_plainly(it._law, it._tables, it._moment(orders(0.2), 20.0), it._memory, it.tally)
    return it.tally


def test_arrivals_are_a_poisson_process():
    it = world(Traffic(requests_s=30.0))
    owners, _ = arrive_plainly(it._law, 2.0, it._memory)
    counts = np.bincount(owners, minlength=ROLLOUTS)
    observed = np.bincount(np.digitize(counts, stats.poisson.ppf([0.25, 0.5, 0.75], 60)), minlength=4)
    edges = [0, *stats.poisson.cdf(stats.poisson.ppf([0.25, 0.5, 0.75], 60) - 1, 60), 1]
    assert stats.chisquare(observed, ROLLOUTS * np.diff(edges)).pvalue > 1e-3


def test_arms_get_their_shares_and_failures_their_rates(sent):
    stable, canary = sent.requests.sum(axis=(0, 1))
    assert canary / (stable + canary) == pytest.approx(0.2, abs=0.003)
    rates = sent.failures.sum(axis=(0, 1)) / sent.requests.sum(axis=(0, 1))
    assert rates == pytest.approx([0.01, 0.06], abs=0.002)


def test_answers_confidence_and_escalation_are_those_of_the_service(sent):
    shares = sent.classes.sum(axis=(0, 1)) / sent.rows.sum(axis=(0, 1))[:, None]
    assert shares[0] == pytest.approx([*Traffic().classes, 0], abs=0.003)
    assert shares[1, 0] == pytest.approx(2 * 0.36, abs=0.005)
    middles = (np.arange(20) + 0.5) / 20
    means = sent.confidence.sum(axis=(0, 1)) @ middles / sent.rows.sum(axis=(0, 1))
    assert means == pytest.approx([0.85, 0.65], abs=0.01)
    assert sent.escalated.sum() / sent.rows.sum() == pytest.approx(0.3, abs=0.005)


def test_harm_is_what_failures_and_slowness_add(sent):
    law = Traffic().latency
    is_slow = law.share_above(law.p99_s, stretch=1.5)
    is_bad, would_be = 0.06 + 0.94 * is_slow, 0.01 + 0.99 * 0.01
    assert sent.excess.sum() / sent.requests[:, :, 1].sum() == pytest.approx(is_bad - would_be, abs=0.003)


def test_a_shadow_compares_every_answer_and_harms_nobody():
    it = world(Traffic(disagreement=0.1))
    moment = it._moment(orders(0.0, is_shadow=True), 5.0)
    send_plainly(it._law, it._tables, moment, it._memory, it.tally)
    assert it.tally.compared.tolist() == it.tally.rows[:, :, 0].tolist()
    assert it.tally.disagreed.sum() / it.tally.compared.sum() == pytest.approx(0.1, abs=0.005)
    assert not it.tally.excess.any()


def test_senders_come_by_zipfs_law_and_stay_with_their_arm():
    it = world(Traffic(), keys=Keys(100, zipf=1.0, error_spread=0.0, latency_spread=0.0))
    send_plainly(it._law, it._tables, it._moment(orders(0.5), 5.0), it._memory, it.tally)
    # The canary's share of a rollout varies as its heavy keys fall.
    shares = it.tally.requests[:, 0, 1] / it.tally.requests[:, 0].sum(axis=1)
    of_keys = 1 / np.arange(1, 101) / (1 / np.arange(1, 101)).sum()
    assert shares.std() == pytest.approx(0.5 * np.sqrt((of_keys**2).sum()), abs=0.02)
    assert (it.tally.subjects.sum(axis=(1, 2)) <= 100).all()
