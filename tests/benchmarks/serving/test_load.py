"""A load counts every request once, checks every reply, and sees what waits while a server stands still."""

from __future__ import annotations

import asyncio
import threading
import time

import numpy as np
import pytest
from benchmarks.serving.load import BackgroundLoad, run_load
from benchmarks.serving.messages import Target, request_bytes
from benchmarks.serving.plans import Closed, Open
from benchmarks.serving.server_process import free_port
from benchmarks.serving.tally import BROKEN, LOST, REFUSED, TIMED_OUT
from tests.benchmarks.serving.scripted import ScriptedServer, echo, reply

REQUESTS = [request_bytes(f"/{arm}", str(number).encode()) for number, arm in enumerate(["stable", "canary"])]


def wait_for(is_so, patience_s=30.0):
    deadline = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("plan", [Closed(3, seconds=60, count=101), Open(500, seconds=0.2, connections=3)])
def test_every_request_is_sent_once_in_order_and_its_reply_checked(plan):
    seen = []

    def check(place, found):
        seen.append(place)
        return "" if found.body == str(place).encode() else f"said {found.body!r}"

    with ScriptedServer(echo) as server:
        report = run_load(server.target, REQUESTS, plan, check=check)
    n = 101 if isinstance(plan, Closed) else len(plan.due_s())
    assert (report.n, report.n_wrong, report.ends, len(seen)) == (n, 0, {"200": n}, n)
    assert np.bincount(report.places).tolist() == [-(-n // 2), n // 2]
    assert 1 <= server.connections <= 3
    assert report.cpu_s > 0


def test_however_short_the_time_each_connection_sends_a_request():
    with ScriptedServer(echo) as server:
        report = run_load(server.target, REQUESTS, Closed(3, seconds=0.0))
    assert report.ends == {"200": 3}


def test_a_connection_that_rested_long_is_not_used_again(monkeypatch):
    """The server may be closing it that very moment."""
    monkeypatch.setattr("benchmarks.serving.driver._LONGEST_REST_S", 0.0)
    plan = Open(20, seconds=1.5, connections=1)
    with ScriptedServer(echo) as server:
        report = run_load(server.target, REQUESTS, plan)
    assert report.ends == {"200": len(plan.due_s())}
    assert server.connections > 1


def test_requests_are_told_apart_by_the_arm_that_answered():
    with ScriptedServer(echo) as server:
        report = run_load(server.target, REQUESTS, Closed(1, seconds=60, count=9))
    assert report.of_arm("stable").tolist() == (report.places == 0).tolist()
    assert report.of_arm("canary").sum() == 4
    assert not report.of_arm("nobody").any()
    assert report.latency_ms(50, among=report.of_arm("canary")) > 0


def test_a_wrong_reply_is_told_with_its_place_and_reason():
    with ScriptedServer(echo) as server:
        plan = Closed(1, seconds=60, count=60)
        report = run_load(server.target, REQUESTS, plan, check=lambda place, _: "no" * place)
    assert report.n_wrong == 30
    assert report.wrong == ("request 1: no",) * 20


def test_a_check_that_fails_ends_the_load_with_its_error():
    def check(place, found):
        raise ZeroDivisionError(place)

    with ScriptedServer(echo) as server, pytest.raises(ZeroDivisionError):
        run_load(server.target, REQUESTS, Closed(2, seconds=60), check=check)


def test_latencies_of_the_open_loop_run_from_when_a_request_was_due():
    """While the server stands still, all that is due waits, and its waiting is in its latency."""
    stands_s, began = 0.3, []

    async def stand_still(path, body, writer):
        began.append(time.monotonic()) if not began else None
        await asyncio.sleep(max(began[0] + stands_s - time.monotonic(), 0))
        await echo(path, body, writer)

    plan = Open(300, seconds=0.3, connections=2)
    with ScriptedServer(stand_still) as server:
        report = run_load(server.target, REQUESTS, plan)
    due = plan.due_s()
    assert report.n == len(due) > 50
    assert np.allclose(np.sort(report.ended_s - report.latencies_s), due, atol=1e-6)
    # Sent one after the other by two connections, they would all but two seem quick.
    assert (np.sort(report.latencies_s)[::-1] >= due[0] + stands_s - np.array(due) - 1e-6).all()
    assert report.late_s > 0.1


def test_the_moments_of_the_open_loop_are_those_of_its_seed():
    assert Open(100, 2, seed=3).due_s() == Open(100, 2, seed=3).due_s()
    assert Open(100, 2, seed=3).due_s() != Open(100, 2, seed=4).due_s()
    counts = [len(Open(100, 2, seed=seed).due_s()) for seed in range(200)]
    assert abs(np.mean(counts) - 200) < 5
    assert 120 < np.var(counts) < 300  # of a Poisson variable: its mean


@pytest.mark.parametrize("plan", [Closed(2, seconds=60, count=10), Open(100, 0.1, connections=2)])
@pytest.mark.parametrize(
    ("does", "becomes"),
    [("close", LOST), ("garble", BROKEN), ("hold", TIMED_OUT), ("say_more", BROKEN)],
)
def test_a_request_without_a_reply_is_counted_as_what_became_of_it(plan, does, becomes):
    async def misbehave(path, body, writer):
        if does == "close":
            writer.transport.abort()
        elif does == "garble":
            writer.write(b"SSH-2.0-x\r\n")
        elif does == "say_more":
            writer.write(reply(b"") + reply(b""))

    with ScriptedServer(misbehave) as server:
        report = run_load(server.target, REQUESTS, plan, timeout_s=0.05 if does == "hold" else 30)
    n = 10 if isinstance(plan, Closed) else len(plan.due_s())
    assert report.statuses.tolist() == [becomes] * n
    assert report.n_failed == n


def test_a_server_that_is_not_there_refuses_every_request():
    report = run_load(Target(port=free_port()), REQUESTS, Closed(2, seconds=60, count=4))
    assert report.statuses.tolist() == [REFUSED] * 4
    assert report.ends == {"connection refused": 4}


def test_a_failed_request_is_not_sent_again_and_the_next_one_is():
    asked = []

    async def fail_at_times(path, body, writer):
        asked.append(body)
        if len(asked) % 3 == 0:
            writer.transport.abort()
        else:
            await echo(path, body, writer)

    numbered = [request_bytes("/", str(number).encode()) for number in range(30)]
    with ScriptedServer(fail_at_times) as server:
        report = run_load(server.target, numbered, Closed(1, seconds=60, count=30))
    assert asked == [str(number).encode() for number in range(30)]
    assert report.ends == {"200": 20, "connection lost": 10}
    assert np.flatnonzero(report.failed).tolist() == report.places[report.failed].tolist()


def test_a_connection_that_the_server_wants_closed_is_not_used_again():
    async def once(path, body, writer):
        writer.write(reply(body, "connection: close"))

    with ScriptedServer(once) as server:
        report = run_load(server.target, REQUESTS, Closed(1, seconds=60, count=5))
    assert (report.ends, server.connections) == ({"200": 5}, 5)


def test_errors_of_the_server_are_failures_and_those_of_the_client_are_not():
    async def by_path(path, body, writer):
        writer.write(reply(b"", status=500 if path == "/canary" else 400))

    with ScriptedServer(by_path) as server:
        report = run_load(server.target, REQUESTS, Closed(1, seconds=60, count=4))
    assert report.ends == {"500": 2, "400": 2}
    assert report.n_failed == 2


def test_a_load_in_the_background_is_seen_while_it_runs_and_stops_when_told(tmp_path):
    with ScriptedServer(echo, tmp_path / "s") as server:
        with BackgroundLoad(server.target, REQUESTS, Closed(2, seconds=600)) as load:
            wait_for(lambda: load.so_far().n > 50)
            early = load.so_far()
            report = load.stop()
        assert 50 < early.n <= report.n
        assert early.statuses.tolist() == report.statuses[: early.n].tolist()
        assert report.ends == {"200": report.n}
        assert report.wall_s < 600
        assert load.so_far().n == report.n


def test_a_load_in_the_background_ends_with_its_test_also_when_that_fails():
    before = threading.active_count()

    def test_that_fails(load):
        with load:
            wait_for(lambda: load.so_far().n > 1)
            raise KeyError

    with ScriptedServer(echo) as server:
        load = BackgroundLoad(server.target, REQUESTS, Open(50, 600))
        with pytest.raises(KeyError):
            test_that_fails(load)
        assert load.wait().n_failed == 0
    assert threading.active_count() == before


def test_a_load_without_requests_is_refused():
    with pytest.raises(ValueError, match="a load needs requests"):
        run_load(Target(port=1), [], Closed())
