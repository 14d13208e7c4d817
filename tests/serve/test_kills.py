"""kill -9 of routers, of the supervisor, of everything: requests go on, and so does the rollout."""

from __future__ import annotations

import json
import os
import signal

import pytest
from tests.serve.running import (
    KEYED,
    Running,
    arms_of_keys,
    begin_canary,
    counted,
    more_answers,
    row,
    running,
    sources,
    until,
)

from smallcraft.serve.rollout.phases import weigh_state
from smallcraft.serve.rollout.receipts import evidence_form
from smallcraft.serve.state.opening import find_rollout


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    return sources(tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def server(tmp_path_factory, releases):
    with running(tmp_path_factory.mktemp("server"), releases[:1], orphan_s=20.0) as server:
        yield server


def evidence(server: Running) -> dict:
    """What must be the same again."""
    rollout = server.status()["rollout"]
    arms = {arm: (rollout[arm]["requests"], rollout[arm]["errors"]) for arm in ("stable", "canary")}
    return {"id": rollout["id"], "weight": rollout["weight"], "step": rollout["step"], **arms}


def test_a_router_that_is_killed_costs_what_was_on_its_connections_and_nothing_else(server: Running):
    with server.load(connections=4) as load:
        more_answers(load, "stable")
        victim = server.order("status")["routers"][0]
        os.kill(victim, signal.SIGKILL)
        until(lambda: victim not in server.order("status")["routers"])
        more_answers(load, "stable")
        report = load.stop()
    # Each connection may lose its request, once; sent again it is answered.
    assert set(report.ends) <= {"200", "connection lost"}
    assert report.n_failed <= 4
    assert server.ask(row()).status == 200


def test_a_supervisor_that_is_killed_is_not_missed_until_the_next_one_is_there(server: Running, releases):
    begin_canary(server, releases[1])
    with server.load(connections=4) as load:
        more_answers(load, "canary")
        before, routers = evidence(server), server.order("status")["routers"]
        server.process.kill()
        server.process.wait()
        server._forget()
        more_answers(load, "stable")
        more_answers(load, "canary")
        server.start()
        # Routers of the last life tell what they counted, and go.
        until(lambda: not set(routers) & set(server.processes()))
        more_answers(load, "canary")
        report = load.stop()
    after = evidence(server)
    assert (after["id"], after["weight"], after["step"]) == (before["id"], before["weight"], before["step"])
    assert after["canary"][0] >= before["canary"][0] + 30
    assert report.n_failed <= 4
    answered = report.n - report.n_failed
    # None is counted twice; what a killed router had not told may be missing.
    assert after["stable"][0] + after["canary"][0] <= answered


def test_after_a_kill_of_everything_the_rollout_stands_where_it_stood(server: Running, releases):
    if server.status()["rollout"] is not None:
        server.order("abort")
    sent = begin_canary(server, releases[1], unsafe_repeat=True) + len(KEYED)
    arms = arms_of_keys(server)
    assert set(arms) == {"stable", "canary"}
    with server.load(connections=4) as load:
        more_answers(load, "canary", 300)
        told = counted(server)
        server.kill()
        sent += load.stop().n
    stored = find_rollout(server.settings.state / "m")
    server.start()
    again = server.status()["rollout"]
    assert (again["id"], again["phase"], again["weight"]) == (stored.id, "canary", 0.3)
    # All that was told before, nothing twice, and the evidence is that of what was written.
    assert told <= counted(server) <= sent
    assert again["evidence"] == json.loads(json.dumps(evidence_form(weigh_state(stored))))
    # The same salt and weight: each key meets the arm that it met, as soon as the new release is loaded.
    until(lambda: server.status()["weight"] == 0.3)
    assert find_rollout(server.settings.state / "m").salt == stored.salt
    until(lambda: arms_of_keys(server) == arms)
    with server.load() as load:
        more_answers(load, "canary")
        assert set(load.stop().ends) == {"200"}
