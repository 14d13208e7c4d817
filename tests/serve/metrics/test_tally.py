import math

import pytest
from tests.serve.metrics.replies import reply

from smallcraft.serve.metrics.step import Step, StepName
from smallcraft.serve.metrics.tally import Served, Tally
from smallcraft.serve.rollout.counts import LATENCY_BINS, LATENCY_EDGES_S

MODEL = Served("helpdesk", "helpdesk@3")


def tally_of(*, settled_below: float = 0.0, classes=("a", "b")) -> Tally:
    return Tally(1, MODEL, Step(StepName("r", 1, settled_below), classes))


def test_a_request_without_a_key_is_evidence_of_everything():
    tally = tally_of()
    tally.answered(reply("b", escalated=True), seconds=0.004)
    evidence = tally.evidence
    assert (evidence.requests, evidence.subjects, evidence.rows, evidence.escalated) == (1, 1, 1, 1)
    assert evidence.classes == [0, 1, 0]
    assert evidence.confidence.index(1) == 14
    assert sum(evidence.latency) == 1


@pytest.mark.parametrize(
    ("seconds", "place"),
    [
        (0.0, 0),
        (LATENCY_EDGES_S[0], 1),
        (math.nextafter(LATENCY_EDGES_S[7], 0), 7),
        (LATENCY_EDGES_S[7], 8),
        (LATENCY_EDGES_S[-1], LATENCY_BINS - 1),
        (1e9, LATENCY_BINS - 1),
    ],
)
def test_a_latency_stands_in_the_bin_that_begins_at_or_below_it(seconds, place):
    tally = tally_of()
    tally.answered(reply("a"), seconds=float(seconds))
    assert tally.latency.index(1) == tally.evidence.latency.index(1) == place


def test_of_several_rows_the_first_is_evidence_and_all_are_traffic():
    tally = tally_of()
    tally.answered(reply("b", "a", "a"), seconds=0.004)
    assert tally.evidence.classes == [0, 1, 0]
    assert (tally.classes, tally.rows) == ([2, 1, 0], 3)
    assert sum(tally.confidence) == 3
    assert tally.confidence_sum == pytest.approx(2.1)


def test_of_a_key_the_first_request_and_the_first_failure_are_told_once():
    tally = tally_of()
    tally.answered(reply("a"), seconds=0.004, key=11)
    tally.answered(reply("b"), seconds=0.004, key=11)
    tally.failed(status=500, key=11)
    tally.failed(status=500, key=11)
    assert list(tally.evidence.firsts) == [11]
    assert tally.evidence.firsts[11][1] == 0
    assert tally.evidence.failed_keys == [11]
    assert tally.evidence.keyed_requests == 4
    assert (tally.evidence.requests, tally.evidence.errors) == (0, 0)
    tally.clear()
    tally.answered(reply("a"), seconds=0.004, key=11)
    tally.failed(status=500, key=11)
    assert (tally.evidence.firsts, tally.evidence.failed_keys) == ({}, [])


def test_a_key_whose_arm_was_settled_before_is_counted_and_is_no_evidence():
    tally = tally_of(settled_below=0.5)
    for key in (2**63 - 1, 2**63):
        tally.answered(reply("a"), seconds=0.004, key=key)
        tally.failed(status=500, key=key)
    assert list(tally.evidence.firsts) == tally.evidence.failed_keys == [2**63]
    assert tally.evidence.keyed_requests == 4


def test_a_time_out_stands_in_the_last_bin_and_another_failure_in_none():
    tally = tally_of()
    tally.failed(status=500)
    assert sum(tally.evidence.latency) == 0
    tally.failed(status=504, timed_out=True)
    assert tally.evidence.latency[-1] == sum(tally.evidence.latency) == 1
    assert tally.evidence.errors == tally.evidence.subjects == 2
    assert tally.replies == {500: 1, 504: 1}
    assert sum(tally.latency) == 0


def test_an_overdue_request_counts_as_a_time_out_once_whatever_is_sent_later():
    tally = tally_of()
    tally.overdue()
    tally.overdue(key=5)
    tally.sent(200)
    assert (tally.evidence.errors, tally.evidence.latency[-1], tally.evidence.requests) == (1, 1, 1)
    assert tally.evidence.firsts[5][0] == LATENCY_BINS - 1
    assert tally.evidence.failed_keys == [5]
    assert (tally.replies, tally.retries) == ({200: 1}, 0)


def test_a_failure_that_the_other_arm_made_good_is_charged_and_called_a_retry():
    canary, stable = tally_of(), tally_of()
    canary.failed(status=None)
    stable.sent(200)
    assert (canary.evidence.errors, canary.retries, canary.replies) == (1, 1, {})
    assert not stable.has_evidence()
    assert stable.replies == {200: 1}


def test_a_request_for_a_named_version_is_traffic_and_no_evidence():
    tally = tally_of()
    tally.answered(reply("a"), seconds=0.004, is_drawn=False)
    tally.failed(status=500, is_drawn=False)
    assert not tally.has_evidence()
    assert tally.replies == {200: 1, 500: 1}
    assert tally.rows == 1


def test_abstentions_and_classes_that_stable_lacks_share_the_last_place():
    tally = tally_of()
    tally.answered(reply(None), seconds=0.004)
    tally.answered(reply("brand new"), seconds=0.004)
    assert tally.evidence.classes == [0, 0, 2]
    assert tally.named() == {}


def test_of_several_tags_the_first_is_counted():
    tally = tally_of()
    tally.answered(reply(("b", "a")), seconds=0.004)
    tally.answered(reply(()), seconds=0.004)
    assert tally.evidence.classes == [0, 1, 1]
    assert tally.named() == {"b": 1}


def test_numbers_have_no_confidence_and_are_rows_all_the_same():
    tally = tally_of(classes=())
    tally.answered(reply(3.5, confidence=None), seconds=0.004)
    assert tally.evidence.rows == 1
    assert sum(tally.evidence.confidence) == 0


@pytest.mark.parametrize(("confidence", "place"), [(0.0, 0), (0.05, 1), (0.999, 19), (1.0, 19)])
def test_confidence_falls_in_twenty_equal_bins(confidence, place):
    tally = tally_of()
    tally.answered(reply("a", confidence=confidence), seconds=0.004)
    assert tally.evidence.confidence.index(1) == tally.confidence.index(1) == place


def test_a_confidence_that_is_no_number_has_no_bin():
    tally = tally_of()
    tally.answered(reply("a", confidence=math.nan), seconds=0.004)
    assert sum(tally.evidence.confidence) == 0
    assert tally.evidence.rows == 1


def test_batches_are_counted_by_their_rows_and_the_large_ones_together():
    tally = tally_of()
    for rows in (1, 16, 17, 200):
        tally.batch(rows)
    assert (tally.batches[0], tally.batches[15], tally.batches[16]) == (1, 1, 2)
    assert tally.batch_rows == 234


def test_clearing_keeps_what_is_in_flight():
    tally = tally_of()
    tally.in_flight += 2
    tally.answered(reply("a"), seconds=0.004)
    tally.clear()
    assert tally.in_flight == 2
    assert not tally.has_evidence()
    assert tally.rows == sum(tally.latency) == 0


def test_what_the_model_worked_is_evidence_and_all_of_it_is_traffic():
    tally = tally_of()
    tally.answered(reply("a"), seconds=0.4, worked_s=0.004)
    evidence, traffic = tally.evidence.latency.index(1), tally.latency.index(1)
    assert LATENCY_EDGES_S[evidence - 1] <= 0.004 < LATENCY_EDGES_S[evidence]
    assert LATENCY_EDGES_S[traffic - 1] <= 0.4 < LATENCY_EDGES_S[traffic]
    assert tally.seconds == 0.4


def test_requests_that_go_down_together_are_subjects_and_one_error():
    tally = tally_of()
    tally.failed(status=None)
    for key in (None, None, 11):
        tally.failed(status=None, key=key, timed_out=True, is_repeat=True)
    assert (tally.evidence.subjects, tally.evidence.errors, tally.failures) == (3, 1, 4)
    assert list(tally.evidence.firsts) == [11]
    assert tally.evidence.failed_keys == []
    assert sum(tally.evidence.latency) == 0
