from dataclasses import replace

import numpy as np
import pytest
from tests.serve.rollout.two_arms import CONFIDENT, LATENCY, latency_law, nothing

from smallcraft.serve.rollout.counts import CONFIDENCE_BINS, LATENCY_BINS, LATENCY_EDGES_S
from smallcraft.serve.rollout.ordered import confidence_part, latency_part
from smallcraft.serve.rollout.plan import RolloutPlan

PLAN = RolloutPlan(latency_floor_s=0.001)
SEEN = np.random.default_rng(0).multinomial(3000, LATENCY)
PART = latency_part(PLAN, SEEN)


def e_value(question, counts, share=0.1):
    logs = question.ratios(counts, share)
    return np.exp(np.minimum(logs, 600)) @ question.weights


def of_latencies(stable, canary, requests=(90_000, 10_000)):
    """Counts just as their laws say."""
    expected = np.stack([stable * requests[0], canary * requests[1]])
    return replace(nothing(), latency=np.rint(expected).astype(int))


def bins_later(law, bins):
    return np.concatenate([np.zeros(bins), law[: -bins or None]])


def single_mean(question, stable, canary, share):
    """What one request says on average, for each guess of a question."""
    units = np.eye(2 * LATENCY_BINS, dtype=int).reshape(-1, 2, LATENCY_BINS)
    said = np.exp(question.ratios(replace(nothing(), latency=units), share))
    return np.concatenate([(1 - share) * stable, share * canary]) @ said


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_one_request_says_nothing_on_average_while_latency_is_longer_by_the_margin(share):
    """One bin is the margin; the guesses are likelihood ratios, so the mean is 1 for each of them."""
    at_margin = single_mean(PART.against, LATENCY, bins_later(LATENCY, 1), share)
    np.testing.assert_allclose(at_margin, 1, atol=2e-3)
    assert (single_mean(PART.against, LATENCY, LATENCY, share) <= at_margin + 1e-12).all()
    assert single_mean(PART.against, LATENCY, bins_later(LATENCY, 5), share).max() > 1


def test_a_margin_that_is_no_whole_bin_is_rounded_to_the_safe_side():
    stricter = latency_part(replace(PLAN, latency_margin=0.04, non_inferior_latency=0.5), SEEN)
    counts = of_latencies(LATENCY, bins_later(LATENCY, 1))
    assert e_value(stricter.against, counts) < 1
    looser = latency_part(replace(PLAN, latency_margin=0.06), SEEN)
    assert e_value(looser.against, of_latencies(LATENCY, bins_later(LATENCY, 2))) < 1
    many = of_latencies(LATENCY, bins_later(LATENCY, 2), (270_000, 30_000))
    assert e_value(PART.against, many) > 1000


def test_below_the_floor_nobody_is_slower():
    quick = np.where(np.arange(LATENCY_BINS) < np.searchsorted(LATENCY_EDGES_S, 5e-4), latency_law(0.0001), 0)
    quick /= quick.sum()
    seen = np.random.default_rng(0).multinomial(3000, quick)
    counts = of_latencies(quick, bins_later(quick, 8))
    assert e_value(latency_part(PLAN, seen).against, counts) == pytest.approx(1)
    assert e_value(latency_part(replace(PLAN, latency_floor_s=1e-5), seen).against, counts) > 1000


def test_where_all_answers_are_below_the_floor_it_says_nothing_how_many_of_them_an_arm_got():
    quick = np.zeros(LATENCY_BINS)
    quick[3:9] = 1 / 6
    part = latency_part(PLAN, np.random.default_rng(0).multinomial(3000, quick))
    for requests in ((90_000, 10_000), (91_000, 9_000), (89_000, 11_000)):
        assert e_value(part.against, of_latencies(quick, quick, requests)) == pytest.approx(1)


def test_where_most_answers_are_below_the_floor_those_above_it_still_speak():
    mostly = np.zeros(LATENCY_BINS)
    mostly[5], mostly[120:140] = 0.9, 0.1 / 20
    worse = mostly.copy()
    worse[5], worse[120:140] = 0.8, 0.2 / 20
    part = latency_part(PLAN, np.random.default_rng(0).multinomial(3000, mostly))
    assert e_value(part.against, of_latencies(mostly, mostly)) < 1
    assert e_value(part.against, of_latencies(mostly, worse)) > 1000
    means = single_mean(part.against, mostly, mostly, 0.1)
    assert means.max() <= 1 + 1e-9


def test_a_time_out_is_slower_than_any_answer_and_no_margin_excuses_it():
    counts = of_latencies(LATENCY, LATENCY)
    late = counts.latency.copy()
    late[1, -1] = 400
    assert e_value(PART.against, counts) < 1
    assert e_value(PART.against, replace(counts, latency=late)) > 1000


def test_no_worse_must_be_shown_of_the_tail_and_not_only_of_the_median():
    fine = of_latencies(LATENCY, LATENCY)
    assert min(e_value(claim, fine) for claim in PART.claims) > 20
    tail = of_latencies(LATENCY, latency_law(tail_times=1.7))
    shown = [e_value(claim, tail) > 20 for claim in PART.claims]
    assert shown[0]
    assert not shown[-1]


def test_a_service_in_which_next_to_nothing_is_slow_can_be_shown_to_have_no_slow_answers():
    quick = latency_law(0.0001)
    part = latency_part(PLAN, np.random.default_rng(0).multinomial(3000, quick))
    assert min(e_value(claim, of_latencies(quick, quick)) for claim in part.claims) > 20
    few = of_latencies(quick, quick, (900, 100))
    assert min(e_value(claim, few) for claim in part.claims) < 20


def of_confidence(stable, canary):
    expected = np.stack([stable * 90_000, canary * 10_000])
    return replace(nothing(), confidence=np.rint(expected).astype(int))


@pytest.mark.parametrize("bins", [-6, 6])
def test_confidence_may_neither_rise_nor_fall_beyond_the_margin(bins):
    middle = np.exp(-0.5 * ((np.arange(CONFIDENCE_BINS) - 9.5) / 2.0) ** 2)
    middle /= middle.sum()
    part = confidence_part(PLAN, np.rint(3000 * middle).astype(int))
    assert e_value(part.against, of_confidence(middle, middle)) < 1
    assert e_value(part.against, of_confidence(middle, np.roll(middle, int(np.sign(bins))))) < 1
    assert e_value(part.against, of_confidence(middle, np.roll(middle, bins))) > 1000
    assert min(e_value(claim, of_confidence(middle, middle)) for claim in part.claims) > 20
    assert min(e_value(claim, of_confidence(middle, np.roll(middle, bins))) for claim in part.claims) < 1


def test_confidence_that_piles_up_at_the_top_can_be_shown_not_to_fall():
    part = confidence_part(PLAN, np.rint(3000 * CONFIDENT).astype(int))
    assert min(e_value(claim, of_confidence(CONFIDENT, CONFIDENT)) for claim in part.claims) > 20


@pytest.mark.parametrize("shares", [{19: 1.0}, {10: 1.0}, {0: 1.0}, {19: 0.6, 9: 0.4}, {19: 0.97, 18: 0.03}])
def test_confidence_that_is_always_the_same_can_be_shown_to_stay_so(shares):
    """A model of few leaves, or one that is always sure, has values in one or two bins only."""
    law = np.zeros(CONFIDENCE_BINS)
    law[list(shares)] = list(shares.values())
    part = confidence_part(PLAN, np.rint(3000 * law).astype(int))
    assert e_value(part.against, of_confidence(law, law)) <= 1
    assert min(e_value(claim, of_confidence(law, law)) for claim in part.claims) > 20
    for bins in (-6, 6):
        moved = np.roll(law, bins)
        if np.flatnonzero(moved).max() - np.flatnonzero(law).max() == bins:
            assert min(e_value(claim, of_confidence(law, moved)) for claim in part.claims) < 1


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_how_many_answers_an_arm_got_says_nothing_about_a_model_that_is_always_sure(share):
    """Those still on their way are not counted, and the arm that stalls has more of them."""
    law = np.zeros(CONFIDENCE_BINS)
    law[-1] = 1.0
    part = confidence_part(PLAN, np.rint(3000 * law).astype(int))
    for part_of_its_answers in (0.5, 1.0, 1.5):
        arms = np.stack([law * 10_000 * (1 - share), law * 10_000 * share * part_of_its_answers])
        got = replace(nothing(), confidence=np.rint(arms).astype(int))
        assert e_value(part.against, got, share) <= 1
    fallen = replace(
        nothing(), confidence=np.rint(np.stack([law * 9000, np.roll(law, -6) * 1000])).astype(int)
    )
    assert e_value(part.against, fallen) > 1000


def test_the_floor_is_a_bin_edge():
    assert LATENCY_EDGES_S[np.searchsorted(LATENCY_EDGES_S, PLAN.latency_floor_s) - 1] < PLAN.latency_floor_s
