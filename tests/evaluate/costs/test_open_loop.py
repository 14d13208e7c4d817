import json
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from smallcraft.evaluate.costs.open_loop import (
    UNANSWERED,
    LateCounter,
    draw_arrivals,
    main,
    meets,
    search_rate,
    serve_arrivals,
    wait_until,
)
from smallcraft.evaluate.costs.scenarios import most_late
from smallcraft.stats.intervals import quantile_upper_bound

MS = 1_000_000


class Machine:
    """A clock that moves only when an answer is worked on or waited for; nothing here sleeps."""

    def __init__(self, service_ns):
        self.now, self.service_ns, self.asked = 0, service_ns, 0

    def predict(self, row):
        self.now += self.service_ns(self.asked)
        self.asked += 1

    def clock(self):
        return self.now

    def wait(self, due):
        self.now = max(self.now, due)

    def serve(self, arrivals, **settings):
        settings = {"limit_ns": 10**15, **settings}
        return serve_arrivals(
            self.predict, [{}], np.asarray(arrivals), clock=self.clock, wait=self.wait, **settings
        )


def lindley(arrivals, service):
    """Latencies of a queue with one worker, by its recursion."""
    free, latencies = 0, []
    for due, took in zip(arrivals, service, strict=True):
        free = max(free, due) + took
        latencies.append(free - due)
    return latencies


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), min_size=1, max_size=60))
def test_latencies_are_those_of_a_queue_counted_from_when_a_request_was_due(gaps_and_services):
    gaps, services = zip(*gaps_and_services, strict=True)
    arrivals = np.cumsum(gaps)
    found = Machine(lambda i: services[i]).serve(arrivals)
    assert found.tolist() == lindley(arrivals.tolist(), services)


def test_a_stall_shows_in_an_open_loop_and_hides_in_a_closed_one():
    """0.1 ms a request, one stall of 200 ms, 500 requests a second: a fifth of a second is 100 requests."""

    def service(i):
        return 200 * MS if i == 300 else MS // 10

    arrivals = draw_arrivals(1000, 500.0, seed=1)
    open_loop = Machine(service).serve(arrivals)
    closed_loop = np.array([service(i) for i in range(1000)])
    assert np.quantile(closed_loop, 0.99) == 0.1 * MS
    assert np.quantile(open_loop, 0.99) > 150 * MS
    felt = np.count_nonzero(open_loop > MS)
    assert 60 < felt < 140  # every request that was due in the meantime


def test_requests_due_or_waiting_after_the_end_stay_unanswered():
    found = Machine(lambda i: 10).serve([0, 0, 0, 0, 500], limit_ns=25)
    assert found.tolist() == [10, 20, 30, UNANSWERED, UNANSWERED]


def test_a_run_that_cannot_meet_its_objective_any_more_is_given_up():
    counter = LateCounter(objective_ns=25, most_late=1)
    found = Machine(lambda i: 10).serve([0] * 8, give_up=counter)
    assert found.tolist() == [10, 20, 30, 40, *[UNANSWERED] * 4]
    assert not meets(found, 25, 1)
    assert meets(np.array([10, 20, 30]), 25, 1)


def test_arrivals_are_a_seeded_poisson_stream():
    arrivals = draw_arrivals(5000, 200.0, seed=[3, 1])
    gaps = np.diff(arrivals) / 1e9
    assert stats.kstest(gaps, "expon", args=(0, 1 / 200)).pvalue > 0.01
    assert (arrivals == draw_arrivals(5000, 200.0, seed=[3, 1])).all()
    assert (arrivals != draw_arrivals(5000, 200.0, seed=[3, 2])).any()


JOB = {"requests": 4000, "objective_ms": 0.6, "most_late": 26, "seconds": 60.0, "seed": 5}


def test_the_rate_found_is_the_highest_that_meets_the_objective():
    """Service of 0.1 ms in virtual time; 200,000 fresh arrivals tell where p99 really crosses 0.6 ms."""
    machine = Machine(lambda i: MS // 10)
    found = search_rate(machine.predict, [{}], JOB, clock=machine.clock, wait=machine.wait)
    assert found["capacity_per_s"] == pytest.approx(10_000)
    assert found["missed_per_s"] <= found["met_per_s"] * 1.05
    p99 = {
        word: np.quantile(lindley(draw_arrivals(200_000, rate, seed=9).tolist(), [MS // 10] * 200_000), 0.99)
        for word, rate in (("met", found["met_per_s"]), ("above", found["met_per_s"] * 1.12))
    }
    assert p99["met"] < 0.6 * MS * 1.1
    assert p99["above"] > 0.6 * MS


def test_an_objective_under_the_time_of_an_answer_is_met_by_no_rate():
    machine = Machine(lambda i: MS)
    job = JOB | {"seconds": 1e6}
    found = search_rate(machine.predict, [{}], job, clock=machine.clock, wait=machine.wait)
    assert found["met_per_s"] == 0
    assert found["steps"] == 6


def test_a_search_without_time_tries_nothing():
    machine = Machine(lambda i: MS)
    found = search_rate(machine.predict, [{}], JOB | {"seconds": 0.1}, clock=machine.clock, wait=machine.wait)
    assert (found["met_per_s"], found["steps"]) == (0, 0)


@given(st.integers(662, 3000), st.integers(0, 60), st.integers(0, 100))
def test_few_enough_late_is_the_upper_bound_of_p99_within_the_objective(requests, late, seed):
    rng = np.random.default_rng(seed)
    latencies = rng.integers(1, 100, requests)
    latencies[:late] = rng.integers(101, 200, late)
    bound = quantile_upper_bound(np.sort(latencies.astype(float)), 0.99, 0.99)
    assert meets(latencies, 100, most_late(requests)) == (bound <= 100)


def test_waiting_ends_at_the_time_and_not_before():
    due = time.perf_counter_ns() + 3 * MS
    wait_until(due)
    assert time.perf_counter_ns() >= due


def test_the_job_file_becomes_a_result_file(tmp_path):
    job = {
        "opener": "tests.evaluate.costs.toy_runtime:open_silent",
        "bundle": ".",
        "rows": {"text": ["a", "b"]},
        "seed": 1,
        "requests": 50,
        "rate_per_s": 5000.0,
        "seconds": 5.0,
    }
    (tmp_path / "job").write_text(json.dumps(job))
    main(str(tmp_path / "job"), str(tmp_path / "result"))
    latencies = json.loads((tmp_path / "result").read_text())["latencies_ns"]
    assert len(latencies) == 50
    assert min(latencies) >= 0
