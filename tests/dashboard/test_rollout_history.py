"""A rollout over time: every point follows from the counts of a receipt, with bands around it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.serve import rolling

from smallcraft.dashboard.rollout_history import QUANTILES, History, moment_of
from smallcraft.serve.rollout.counts import LATENCY_EDGES_S
from smallcraft.serve.state.opening import find_receipts


@pytest.fixture(scope="module")
def receipts(tmp_path_factory):
    server = rolling.server(tmp_path_factory.mktemp("state"))
    server.start()
    server.pass_shadow()
    list(server.until_done())
    server.controller.close()
    return find_receipts(tmp_path_factory.getbasetemp() / "state0")


def test_there_is_a_moment_for_each_receipt_with_where_it_led(receipts):
    moments = History().moments(receipts)
    assert [(one.phase, one.weight) for one in moments] == [
        (receipt.form["to"]["phase"], receipt.form["to"]["weight"]) for receipt in receipts
    ]
    assert moments[-1].phase == "done"


def test_the_e_values_are_those_of_the_receipts(receipts):
    for receipt, moment in zip(receipts, History().moments(receipts), strict=True):
        evidence = receipt.form["evidence"]
        if evidence is None:
            assert moment.e_values == {}
            continue
        assert math.isclose(moment.e_values["combined"], evidence["e_value"])
        for name, weighed in evidence["guardrails"].items():
            assert (name in moment.e_values) == (weighed is not None)


def test_an_arm_without_requests_has_no_rate_and_no_quantile(receipts):
    first = History().moments(receipts)[0]
    assert first.canary.share is None
    assert first.canary.rate is None
    assert first.canary.latency == {}


def test_bands_hold_what_was_seen_and_narrow_as_more_is(receipts):
    moments = [one for one in History().moments(receipts) if one.canary.subjects]
    widths = []
    for one in moments:
        assert one.canary.rate.low <= one.canary.share <= one.canary.rate.high
        widths.append(one.canary.rate.high - one.canary.rate.low)
        for level in QUANTILES:
            found = one.canary.latency[level]
            assert (found.low_ms or 0.0) <= found.ms <= (found.high_ms or math.inf)
    assert widths == sorted(widths, reverse=True)


def test_the_band_of_a_quantile_misses_the_truth_no_more_often_than_it_says():
    """20 streams of 400 answers, looked at forty times each: one may be missed at any look, by chance 4."""
    rng, missed = np.random.default_rng(5), 0
    true_bin = 60
    truth_ms = 1000 * float(LATENCY_EDGES_S[true_bin])
    state = rolling.in_canary()
    for _ in range(20):
        # Half of the answers are at or below the true bin.
        places = np.where(rng.random(400) < 0.5, true_bin, true_bin + 20)
        for seen in range(10, 401, 10):
            counts = rolling.counts()
            counts.latency[1] = np.bincount(places[:seen], minlength=counts.latency.shape[1])
            found = moment_of(rolling.with_counts(state, counts), 0.0).canary.latency[0.5]
            if found.high_ms is not None and found.high_ms < truth_ms:
                missed += 1
                break
            if found.low_ms is not None and found.low_ms > 1000 * float(LATENCY_EDGES_S[true_bin + 19]):
                missed += 1
                break
    assert missed <= 4


def test_looks_stand_between_receipts_and_only_with_their_own_rollout(receipts):
    history, state = History(), rolling.in_canary()
    own = receipts[0].rollout
    history.note(rolling.with_counts(state, rolling.counts(stable=9, canary=1)), 5.0)
    assert state.id == own
    assert history.moments(receipts)[0].at_s == 5.0
    assert len(history.moments(())) == 0


def test_of_many_looks_so_many_are_kept_that_memory_ends():
    history, state = History(), rolling.in_canary()
    for at_s in range(600):
        history.note(state, float(at_s))
    assert len(history._looks) <= 240
    assert history._looks[-1].at_s == 599.0
