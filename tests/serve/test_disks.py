"""Disks that fail a server, and a rival for its state: requests are answered, nothing is done unwritten."""

from __future__ import annotations

import contextlib
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.serve.running import (
    GOES_ON,
    Running,
    arms_of_keys,
    begin_canary,
    counted,
    more_answers,
    running,
    sources,
    until,
)

from smallcraft.errors import InvalidInputError, SmallcraftError
from smallcraft.serve.controller import Controller
from smallcraft.serve.processes.served import contender


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    return sources(tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def server(tmp_path_factory, releases):
    """In the canary phase of a rollout that goes on."""
    with running(tmp_path_factory.mktemp("server"), releases[:1]) as server:
        server.asked = begin_canary(server, releases[1])
        yield server


@contextlib.contextmanager
def full_disk(server: Running) -> Iterator[None]:
    """Nothing that the supervisor writes may grow while inside."""
    pid = server.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


def alarms(server: Running) -> str:
    return " ".join(server.status()["alarms"])


def test_a_full_disk_holds_the_rollout_and_costs_no_request_and_no_count(server: Running):
    before = counted(server)
    with server.load(connections=4) as load:
        with full_disk(server):
            until(lambda: "cannot be written" in alarms(server))
            with pytest.raises(SmallcraftError, match="nothing was changed"):
                server.order("promote")
            assert (server.status()["phase"], server.status()["weight"]) == ("canary", 0.3)
            more_answers(load, "stable")
            more_answers(load, "canary")
        until(lambda: not alarms(server))
        report = load.stop()
    assert set(report.ends) == {"200"}
    # What came meanwhile is counted now, each request once.
    until(lambda: counted(server) >= before + report.n)
    assert counted(server) <= server.asked + report.n


def test_a_server_whose_state_another_controller_took_goes_on_as_it_was_told_last(server: Running, releases):
    arms = arms_of_keys(server)
    rival = Controller(server.settings.state / "m", stable=contender(releases[0]), now=time.monotonic())
    try:
        with server.load(connections=4) as load:
            until(lambda: "another controller took over" in alarms(server))
            with pytest.raises(SmallcraftError, match="another controller"):
                server.order("abort")
            more_answers(load, "canary")
            assert set(load.stop().ends) == {"200"}
        assert arms_of_keys(server) == arms
        assert rival.state.phase == "canary"
    finally:
        rival.close()


def test_a_read_only_disk_is_read_and_the_rollout_stands(server: Running, small_disk, tmp_path):
    before, arms = server.status()["rollout"], arms_of_keys(server)
    server.kill()
    state = small_disk / "state"
    shutil.copytree(server.settings.state, state)
    there = Running(replace(server.settings, state=state), {}, tmp_path / "log.txt")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    try:
        there.start()
        # It tells no folder where its own is, so nobody can give it orders.
        until(lambda: "cannot be written" in there.ask(path="/metrics").body.decode())
        until(lambda: arms_of_keys(there) == arms)
        verdict = there.ask(path=f"/v2/rollouts/{before['id']}/verdict").json
        assert (verdict["phase"], verdict["weight"]) == ("canary", 0.3)
    finally:
        there.kill()
        shutil.rmtree(there.runs[0], ignore_errors=True)


def test_a_state_that_cannot_be_read_at_boot_means_stable_alone_frozen_and_an_alarm(
    server: Running, releases
):
    server.kill()
    state = server.settings.state / "m" / "rollouts.db"
    state.write_bytes(b"garbage" * 4000)
    server.start()
    status = server.status()
    assert (status["phase"], status["weight"], status["rollout"]) == ("frozen", 0.0, None)
    assert f"kept as {state}.bad-1" in alarms(server)
    assert "could not be read" in server.ask(path="/metrics").body.decode()
    assert set(arms_of_keys(server)) == {"stable"}
    with pytest.raises(InvalidInputError, match="smallcraft rollout abort"):
        server.roll_out(releases[1], GOES_ON)
    server.order("abort")
    assert server.roll_out(releases[1], GOES_ON)
