"""What a server counted: read from its page of metrics, and what lies between two looks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.serve import rolling

from smallcraft.dashboard.traffic_history import TrafficLog, read_metrics
from smallcraft.serve.metrics.prometheus import write_page
from smallcraft.serve.metrics.reading import Reading, WorkerReading
from smallcraft.serve.metrics.shipment import Shipment
from smallcraft.serve.metrics.totals import Totals
from smallcraft.serve.rollout.counts import CONFIDENCE_BINS, LATENCY_BINS, LATENCY_EDGES_S

UGLY = '<script>"x"\n\\'


def page(requests: int, *, failures: int = 0, place: int = 80) -> str:
    """As the server writes it after so many requests, all as quick as one bin says."""
    latency = np.zeros(LATENCY_BINS, dtype=np.int64)
    latency[place] = requests
    confidence = np.zeros(CONFIDENCE_BINS, dtype=np.int64)
    confidence[18] = requests
    told = replace(
        rolling.replies("stable", rolling.STABLE, {200: requests}, failures=failures),
        latency=latency,
        confidence=confidence,
        confidence_sum=0.9 * requests,
        rows=requests,
        classes={UGLY: requests},
        escalated=requests // 4,
    )
    totals = Totals()
    totals.add(
        Shipment(
            router="r",
            sequence=1,
            steps=(),
            traffic=(told,),
            refusals={"token": 3},
            request_bytes=0,
            reply_bytes=0,
            clients_gone=0,
            quarantined=0,
        )
    )
    workers = (WorkerReading("helpdesk", "helpdesk@3", "77", 5_000_000),)
    return write_page(Reading(totals, "1", workers=workers)).body.decode()


def only(now):
    ((_, arm),) = now.arms.items()
    return arm


def test_every_number_of_the_page_is_read_whatever_a_class_is_called():
    now = read_metrics(page(100, failures=2), 5.0)
    arm = only(now)
    assert (arm.requests, arm.failures, arm.rows, arm.escalated) == (100, 2, 100, 25)
    assert arm.classes == {UGLY: 100}
    assert arm.confidence_mean == pytest.approx(0.9)
    assert now.refusals == {"token": 3}
    assert now.memory == {("helpdesk", "helpdesk@3", "77"): 5_000_000}


def test_a_quantile_is_the_upper_end_of_its_bucket():
    true_ms = 1000 * float(LATENCY_EDGES_S[80])
    found = only(read_metrics(page(10), 0.0)).latency_ms(0.5)
    assert true_ms <= found <= 1.34 * true_ms


def test_what_was_not_counted_is_none_and_not_nothing():
    arm = only(read_metrics(page(0), 0.0))
    assert arm.confidence_mean is None
    assert arm.latency_ms(0.5) is None
    assert TrafficLog().last is None


def test_between_two_looks_stands_what_came_between_them():
    log = TrafficLog()
    log.note(read_metrics(page(100, failures=1), 0.0))
    log.note(read_metrics(page(160, failures=4), 10.0))
    (stretch,) = log.stretches("helpdesk", "helpdesk@3")
    assert stretch.requests_per_s == pytest.approx(6.0)
    assert stretch.error_share == pytest.approx(0.05)
    assert log.stretches("helpdesk", "helpdesk@9") == ()


def test_a_server_that_began_anew_has_no_difference_below_zero():
    log = TrafficLog()
    log.note(read_metrics(page(100), 0.0))
    log.note(read_metrics(page(7), 10.0))
    assert log.stretches("helpdesk", "helpdesk@3") == ()


def test_of_many_looks_so_many_are_kept_that_memory_ends():
    log, told = TrafficLog(), read_metrics(page(1), 0.0)
    for _ in range(2500):
        log.note(told)
    assert len(log._looks) <= 900
