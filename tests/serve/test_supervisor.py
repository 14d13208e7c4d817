"""The server as a whole: real processes that are started, asked, told and ended."""

from __future__ import annotations

import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.serve.running import PLAN, Running, more_answers, row, running, sources, until

from smallcraft.errors import InvalidInputError, SmallcraftError
from smallcraft.serve.processes.whereabouts import read_whereabouts
from smallcraft.serve.router.desk import Patience

SLOW = 0.3


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    return sources(tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def server(tmp_path_factory, releases):
    mended = replace(releases[0], mended="bundle.json was another one")
    with running(tmp_path_factory.mktemp("server"), (mended,), routers=2) as server:
        yield server


def test_a_request_is_answered_by_the_release_that_is_served(server: Running):
    answer = server.ask(row())
    assert answer.status == 200
    assert (answer.headers["x-release"], answer.headers["x-arm"]) == ("m@1", "stable")
    assert answer.json["outputs"][0]["name"] == "label"


def test_what_it_runs_is_told(server: Running):
    told = server.order("status")
    assert told["models"]["m"]["stable"]["label"] == "m@1"
    assert len(told["routers"]) == 2
    [worker] = told["workers"]
    assert worker["release"] == "m@1"
    assert worker["memory_bytes"] > 1 << 20
    assert set(server.processes()) == {told["pid"], *told["routers"], worker["pid"]}


def test_a_copy_that_had_to_be_replaced_is_an_alarm(server: Running):
    [alarm] = server.order("status")["alarms"]
    assert alarm.startswith("a copy of m@1 was damaged")
    assert alarm.endswith("bundle.json was another one")
    assert alarm in server.ask(path="/metrics").body.decode()


def test_metrics_of_all_routers_are_told_by_any(server: Running):
    for _ in range(20):
        server.ask(row())

    def replies() -> float:
        page = server.ask(path="/metrics").body.decode()
        return sum(
            sample.value
            for family in text_string_to_metric_families(page)
            for sample in family.samples
            if sample.name == "smallcraft_requests_total"
        )

    until(lambda: replies() >= 20)


def test_a_second_server_is_kept_out_of_the_state_folder(server: Running):
    other = Running(server.settings, {}, server.log.with_name("other.txt"))
    with pytest.raises(SmallcraftError, match="another server uses the state folder"):
        other.start()
    assert server.ask(row()).status == 200


def test_orders_are_for_this_user_alone_and_wrong_ones_are_refused(server: Running):
    where = read_whereabouts(server.settings.state)
    assert stat.S_IMODE(where.admin.stat().st_mode) == 0o600
    assert stat.S_IMODE(Path(where.run).stat().st_mode) == 0o700
    with pytest.raises(InvalidInputError, match="needs a rollout"):
        server.order("abort")


def test_a_rollout_goes_its_way_and_its_verdict_is_told(server: Running, releases):
    with server.load() as load:
        rollout = server.roll_out(releases[1])
        server.until_phase("canary")
        more_answers(load, "canary")
        verdict = server.ask(path=f"/v2/rollouts/{rollout}/verdict").json
        assert (verdict["phase"], verdict["weight"], verdict["outcome"]) == ("canary", 0.5, "UNDECIDED")
        assert server.ask(row(), "/v2/models/m/versions/2/infer").headers["x-release"] == "m@2"
        server.order("abort", reason="enough")
        assert server.until_phase("rolled_back")["last_cause"]
        until(lambda: [one["release"] for one in server.order("status")["workers"]] == ["m@1"])
        assert set(load.stop().ends) == {"200"}
    with pytest.raises(InvalidInputError, match="--force"):
        server.roll_out(releases[1])
    assert [receipt["to"]["phase"] for receipt in server.receipts()][-1] == "rolled_back"


def test_a_release_that_does_not_load_is_told_and_nothing_is_left_running(tmp_path, releases):
    faults = {"1": {"unloadable": True}}
    with (
        pytest.raises(SmallcraftError, match="it does not load"),
        running(tmp_path, releases[:1], faults=faults),
    ):
        pass


@pytest.fixture(scope="module")
def slow_server(tmp_path_factory, releases):
    faults, patience = {"1": {"slow_s": SLOW}}, Patience(answer_s=1.5, canary_s=1.5)
    folder = tmp_path_factory.mktemp("slow")
    with running(folder, releases[:1], faults=faults, patience=patience) as server:
        yield server


def asked_at_once(server: Running, body: object, count: int) -> tuple[list[threading.Thread], list[int]]:
    """Threads that ask, and the statuses that they were given by now."""
    given: list[int] = []
    asking = [threading.Thread(target=lambda: given.append(server.ask(body).status)) for _ in range(count)]
    for thread in asking:
        thread.start()
    return asking, given


def test_what_waited_too_long_is_not_worked_on(slow_server: Running):
    # Of 16 rows each, so that each is a batch of its own: six times the work that there is patience for.
    tensor = row()["inputs"][0]
    body = {"inputs": [{**tensor, "shape": [16, 4], "data": 16 * tensor["data"]}]}
    asking, given = asked_at_once(slow_server, body, 30)
    for thread in asking:
        thread.join(60)
    assert 200 in given
    assert set(given) - {200} in ({503}, {504}, {503, 504})
    # Behind all that was left, this one would be too late as well.
    assert slow_server.ask(row()).status == 200


def test_requests_under_way_are_answered_when_it_ends(slow_server: Running):
    asking, given = asked_at_once(slow_server, row(), 3)
    until(lambda: given)
    where = read_whereabouts(slow_server.settings.state)
    assert slow_server.stop() == 0
    for thread in asking:
        thread.join(60)
    assert given == [200, 200, 200]
    assert slow_server.processes() == []
    assert not Path(where.run).exists()
    assert not (slow_server.settings.state / "serving.json").exists()


def promote_to_the_end(server: Running) -> None:
    """A person says yes until the new release is the stable one."""
    phase = ""
    while phase != "done":
        server.until_phase("shadow", "canary", "watch")
        server.order("promote")
        phase = server.status()["rollout"]["phase"]


def test_what_is_answered_in_the_routers_themselves_needs_no_worker(tmp_path, releases):
    with running(tmp_path, releases[:1], in_process=True, tokens=("a-token-of-some-length",)) as server:
        token = {"authorization": "Bearer a-token-of-some-length"}
        assert server.ask(row()).status == 401
        assert server.ask(row(), headers=token).headers["x-release"] == "m@1"
        assert server.order("status")["workers"] == []
        # The new release is in a process of its own, until it is the stable one.
        server.roll_out(releases[1], PLAN)
        assert server.worker("m@2") in server.processes()
        promote_to_the_end(server)
        until(lambda: server.order("status")["workers"] == [])
        assert server.ask(row(), headers=token).headers["x-release"] == "m@2"


def test_a_release_that_is_promoted_takes_over_and_no_request_fails(server: Running, releases):
    with server.load() as load:
        server.roll_out(releases[1], PLAN, unsafe_repeat=True)
        promote_to_the_end(server)
        until(lambda: [one["release"] for one in server.order("status")["workers"]] == ["m@2"])
        more_answers(load, "stable")
        assert set(load.stop().ends) == {"200"}
    answer = server.ask(row())
    assert (answer.headers["x-release"], answer.headers["x-arm"]) == ("m@2", "stable")
