"""Both arms side by side, in a sentence."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from tests.serve.rolling import SLOW_BIN, counts, in_canary, in_shadow, with_counts

from smallcraft.serve.rollout.comparing import compare, latency_quantile
from smallcraft.serve.rollout.counts import LATENCY_BINS, LATENCY_EDGES_S, no_counts


def seen(**changes):
    base = counts(stable=15_420, canary=812, errors=(9, 31), slow=(150, 400))
    return with_counts(in_canary(), replace(base, **changes))


def test_errors_are_told_as_so_many_of_so_many():
    compared = compare("errors", seen())
    assert compared.words == ("canary answered 31 of 812 requests with errors, stable 9 of 15,420")
    assert (compared.stable, compared.canary) == ((9, 15_420), (31, 812))


def test_latency_is_told_where_the_arms_differ_most():
    compared = compare("latency", seen())
    answers = 812 - 31
    assert compared.canary == (400, answers)
    assert compared.stable == (150, 15_411)
    assert f"400 of {answers} answers of canary took longer than" in compared.words


def test_latency_is_told_above_the_floor_that_the_evidence_starts_from():
    latency = np.zeros((2, LATENCY_BINS), dtype=np.int64)
    latency[0, 10], latency[1, 20] = 1000, 300
    latency[:, 120] = 5, 15
    words = compare("latency", seen(latency=latency)).words
    assert words == "15 of 315 answers of canary took longer than 5.2 ms, 5 of 1,005 of stable"


def test_a_release_whose_answers_do_not_come_is_told_so():
    latency = np.zeros((2, LATENCY_BINS), dtype=np.int64)
    latency[0, 10] = 38
    words = compare("latency", seen(latency=latency)).words
    assert words == "canary, with 10 % of traffic, has given no answer yet, stable 38"


def test_latency_without_answers_is_told_as_unknown():
    assert compare("latency", with_counts(in_shadow(), counts())).words == "no latencies are known"


@pytest.mark.parametrize("direction", ["more", "fewer"])
def test_classes_name_the_one_whose_share_changed_most(direction):
    rows = (
        [[300, 300, 300, 0], [100, 200, 0, 0]]
        if direction == "more"
        else [[300, 300, 300, 0], [149, 2, 149, 0]]
    )
    compared = compare("classes", seen(classes=np.array(rows)))
    assert "'refund'" in compared.words if direction == "fewer" else "'login'" in compared.words


def test_classes_that_stable_does_not_have_are_told_so():
    compared = compare("classes", seen(classes=np.array([[300, 300, 300, 0], [10, 10, 10, 270]])))
    assert compared.words.startswith("canary answered none of stable's classes in 270 of 300 rows")


def test_confidence_is_told_as_means():
    bins = np.zeros((2, 20), dtype=np.int64)
    bins[0, 19], bins[1, 9] = 100, 50
    words = compare("confidence", with_counts(in_canary(), replace(counts(), confidence=bins))).words
    assert words == "mean confidence of canary was 0.475 over 50 answers, of stable 0.975 over 100"


def test_disagreement_is_told_of_shadow_alone_with_what_is_allowed():
    state = with_counts(in_shadow(), counts(stable=60, compared=60, disagreed=3))
    words = "the releases disagreed on 3 of 60 requests, where 10 % are allowed"
    assert compare("disagreement", state).words == words


def test_escalation_tells_what_was_declared():
    state = seen(rows=np.array([100, 50]), escalated=np.array([5, 20]))
    state = replace(state, baseline=replace(state.baseline, escalation=0.06))
    assert compare("escalation", state).words == (
        "canary asked further stages for 20 of 50 rows, stable for 5 of 100; it declared 6 %"
    )


def test_all_parts_of_an_empty_rollout_have_words():
    for part in ("errors", "latency", "classes", "confidence", "disagreement", "escalation"):
        assert compare(part, in_shadow()).words


@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_a_quantile_is_the_upper_end_of_the_bin_it_lies_in(level):
    rng = np.random.default_rng(7)
    seconds = rng.lognormal(-5, 1, 4001)
    bins = np.bincount(np.searchsorted(LATENCY_EDGES_S, seconds, side="right"), minlength=LATENCY_BINS)
    told, true = latency_quantile(bins, level), float(np.quantile(seconds, level, method="inverted_cdf"))
    assert true <= told <= true * 1.1 * (1 + 1e-9)


def test_a_quantile_of_nothing_is_unknown_and_of_time_outs_unbounded():
    none = no_counts(1).latency[0]
    assert latency_quantile(none, 0.5) is None
    timed_out = none.copy()
    timed_out[-1] = 3
    assert latency_quantile(timed_out, 0.5) == math.inf
    assert SLOW_BIN < LATENCY_BINS
