"""Workers that are killed, and requests that kill them: no client request fails for it."""

from __future__ import annotations

import os
import signal

import pytest
from tests.serve.running import (
    KEYED,
    Running,
    arms_of_keys,
    begin_canary,
    more_answers,
    row,
    running,
    sources,
    until,
)

# At one number the stable release dies, at the other the new one alone.
POISON, BITTER = 666.0, 777.0


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    return sources(tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def server(tmp_path_factory, releases):
    faults = {"1": {"dies_at": POISON}, "2": {"dies_at": BITTER}}
    with running(tmp_path_factory.mktemp("server"), releases[:1], faults=faults) as server:
        yield server


def test_a_stable_worker_that_is_killed_costs_no_client_a_request(server: Running):
    with server.load() as load:
        for _ in range(2):
            more_answers(load, "stable")
            victim = server.worker("m@1")
            os.kill(victim, signal.SIGKILL)
            until(lambda victim=victim: server.worker("m@1") != victim)
            more_answers(load, "stable")
        assert set(load.stop().ends) == {"200"}


def test_a_request_that_kills_is_refused_after_two_deaths_and_no_other_request_fails(server: Running):
    with server.load() as load:
        more_answers(load, "stable")
        # The first one is answered by nobody: its second death is its own.
        assert server.ask(row(POISON)).status == 422
        assert server.ask(row(POISON)).status == 422
        more_answers(load, "stable")
        assert set(load.stop().ends) == {"200"}
    page = until(
        lambda: "smallcraft_quarantined_bodies_total 1.0" in server.ask(path="/metrics").body.decode()
    )
    assert page


def test_a_request_at_which_the_new_release_dies_is_answered_by_the_stable_one_and_charged(
    server: Running, releases
):
    begin_canary(server, releases[1])
    arms = arms_of_keys(server)
    body = {**KEYED[arms.index("canary")], **row(BITTER)}
    for deaths in (1, 2):
        answer = server.ask(body)
        # The stable release answers it, so it is no poison, whatever the new one does at it.
        assert (answer.status, answer.headers["x-arm"]) == (200, "stable")
        until(lambda deaths=deaths: deaths_of(server, "m@2") == deaths)
        until(lambda: arms_of_keys(server) == arms)
    # Of one key one error, and it is the new release's.
    rollout = until(lambda: (told := server.status()["rollout"])["canary"]["errors"] and told)
    assert (rollout["canary"]["errors"], rollout["stable"]["errors"]) == (1, 0)
    server.order("abort")


def deaths_of(server: Running, release: str) -> int:
    page = server.ask(path="/metrics").body.decode()
    wanted = f'smallcraft_worker_restarts_total{{model="m",reason="crashed",release="{release}"}}'
    return sum(int(float(line.split()[-1])) for line in page.splitlines() if line.startswith(wanted))


def test_a_new_release_that_is_killed_costs_no_client_a_request_and_is_charged_once_a_death(
    server: Running, releases
):
    with server.load() as load:
        server.roll_out(releases[1], unsafe_repeat=True)
        server.until_phase("canary")
        more_answers(load, "canary")
        for deaths in (1, 2):
            victim = server.worker("m@2")
            os.kill(victim, signal.SIGKILL)
            until(lambda victim=victim: server.worker("m@2") != victim and server.status()["weight"])
            more_answers(load, "canary")
            # All that was under way is one error; it may have been idle.
            assert server.status()["rollout"]["canary"]["errors"] <= deaths
        os.kill(server.worker("m@2"), signal.SIGKILL)
        assert "3" in server.until_phase("rolled_back")["last_cause"]
        more_answers(load, "stable")
        assert set(load.stop().ends) == {"200"}
