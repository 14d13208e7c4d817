"""One request counts once, about the arm that chance chose."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.records import Decisions
from smallcraft.serve.metrics.step import Step, StepName
from smallcraft.serve.metrics.tally import Served, Tally
from smallcraft.serve.questions import Reply
from smallcraft.serve.router.accounts import Account
from smallcraft.serve.worker.replying import Answered

DECISIONS = Decisions(("a",), np.array([0.9]), np.zeros(1, dtype=np.bool_))
ANSWERED = Answered(Reply(np.array([[0.9, 0.1]]), DECISIONS, np.zeros(1, dtype=np.bool_)), 0.002, 1)


@pytest.fixture
def tally():
    return Tally(0, Served("m", "m@1"), Step(StepName("r", 1), ("a", "b")))


def test_an_answer_is_evidence_once(tally):
    account = Account(tally, is_drawn=True)
    assert account.is_evidence
    account.answered(ANSWERED, seconds=0.004)
    account.answered(ANSWERED, seconds=0.004)
    assert tally.evidence.subjects == 1
    assert tally.replies == {200: 2}
    assert not account.is_evidence


def test_what_is_weighed_is_the_work_and_not_the_waiting(tally):
    Account(tally, is_drawn=True).answered(ANSWERED, seconds=4.0)
    worked, waited = tally.evidence.latency.index(1), tally.latency.index(1)
    assert worked < waited


def test_a_failure_that_is_mended_stays_a_failure(tally):
    account = Account(tally, is_drawn=True)
    account.failed(None)
    account.answered(ANSWERED, seconds=0.004)
    assert (tally.evidence.subjects, tally.evidence.errors, tally.evidence.rows) == (1, 1, 0)
    assert (tally.failures, tally.replies) == (1, {200: 1})


def test_what_stands_in_for_another_is_a_reply_and_no_evidence(tally):
    account = Account(tally, is_settled=True)
    account.answered(ANSWERED, seconds=0.004)
    account.failed(503)
    assert tally.replies == {200: 1, 503: 1}
    assert not tally.has_evidence()


def test_what_a_client_asked_for_by_version_is_traffic_and_no_evidence(tally):
    Account(tally).answered(ANSWERED, seconds=0.004)
    Account(tally).failed(503)
    assert tally.rows == 1
    assert not tally.has_evidence()


def test_what_goes_down_together_is_one_error(tally):
    Account(tally, is_drawn=True).failed(None)
    for _ in range(7):
        Account(tally, is_drawn=True).failed(None, timed_out=True, is_repeat=True)
    assert (tally.evidence.subjects, tally.evidence.errors, tally.failures) == (8, 1, 8)
    assert sum(tally.evidence.latency) == 0


@pytest.mark.parametrize("is_settled", [True, False])
def test_a_request_that_moves_to_a_later_split_counts_there_and_is_no_evidence(tally, is_settled):
    later = Tally(0, Served("m", "m@2"), Step(StepName("", 2), ("a", "b")))
    account = Account(tally, key=7, is_drawn=True, is_settled=is_settled).moved_to(later)
    account.answered(ANSWERED, seconds=0.004)
    assert not account.is_evidence
    assert not later.has_evidence()
    assert later.replies == {200: 1}
    assert later.rows == (0 if is_settled else 1)
    assert not tally.replies
