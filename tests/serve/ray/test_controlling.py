"""The controller on Ray: counts of all ingresses are one, it decides on them, and its death costs nothing."""

from __future__ import annotations

import pytest
from tests.serve.running import GOES_ON, KEYED, counted, row, until

from smallcraft.errors import InvalidInputError, SmallcraftError
from smallcraft.serve.router.splitting import Splitter
from smallcraft.serve.state.opening import find_receipts, find_rollout

pytestmark = [pytest.mark.ray, pytest.mark.slow]
ROWS = [row(place / 3 - 2) for place in range(12)]


def in_canary(server, source) -> str:
    """A rollout that gets its share for good, the one under way where there is one; its id."""
    told = server.status()
    if told["weight"] == GOES_ON.stages[0] and told["rollout"]["phase"] == "canary":
        return str(told["rollout"]["id"])
    rollout = server.roll_out(source, GOES_ON)
    with server.load(*ROWS) as load:
        until(lambda: server.status()["weight"] == GOES_ON.stages[0])
        assert set(load.stop().ends) == {"200"}
    return rollout


def test_three_ingresses_answer_and_their_counts_are_one(server, releases):
    assert len(server.order("status")["routers"]) == len(server.ingress()) == 3
    in_canary(server, releases["7"])
    before = server.settled()
    for _ in range(60):
        assert server.ask(row()).status == 200
    until(lambda: counted(server) == before + 60)


def test_a_key_meets_one_arm_whichever_ingress_it_comes_to(server, releases):
    rollout = in_canary(server, releases["7"])
    salt = find_rollout(server.settings.state / "m", rollout).salt
    splitter = Splitter(salt, GOES_ON.stages[0], "any")
    keys = [body["parameters"]["key"] for body in KEYED]
    expected = ["canary" if splitter.is_canary(splitter.bucket_of(key)) else "stable" for key in keys]
    assert set(expected) == {"stable", "canary"}
    for _ in range(4):
        assert [server.ask(body).headers["x-arm"] for body in KEYED] == expected


def test_a_killed_controller_goes_on_and_counts_nothing_twice(server, releases):
    in_canary(server, releases["7"])
    before = server.settled()
    with server.load(*ROWS) as load:
        until(lambda: load.so_far().n >= 60)
        until(lambda: counted(server) > before)
        server.kill_one(server.controller())
        # It is away, and nobody notices.
        more(load, 60)
        until(lambda: is_there(server))
        until(lambda: server.status()["weight"] == GOES_ON.stages[0])
        more(load, 60)
        report = load.stop()
    assert set(report.ends) == {"200"}
    assert server.status()["phase"] == "canary"
    # What was asked while the release was not known to be loaded says nothing; the rest counts once.
    assert before + 60 <= server.settled() <= before + report.n


def more(load, count: int) -> None:
    """Wait until a load has so many more answers."""
    after = load.so_far().n + count
    until(lambda: load.so_far().n >= after)


def is_there(server) -> bool:
    try:
        return bool(server.status())
    except SmallcraftError:
        return False


def test_orders_are_obeyed_and_wrong_ones_refused_as_on_one_machine(server, releases):
    rollout = in_canary(server, releases["7"])
    assert server.order("freeze", model="m", reason="lunch")["told"]
    assert server.status()["rollout"]["phase"] == "frozen"
    assert server.order("resume", model="m")["told"]
    with pytest.raises(InvalidInputError, match="an order is one of status, start"):
        server.order("dance")
    with pytest.raises(InvalidInputError, match="the server has the models m, words"):
        server.order("abort", model="n")
    server.order("abort", model="m", reason="enough")
    causes = [receipt.cause for receipt in find_receipts(server.settings.state / "m", rollout)]
    assert "enough" in causes[-1]


def test_any_ingress_tells_metrics_of_all_and_the_verdict(server, releases):
    rollout = in_canary(server, releases["7"])
    page = server.ask(path="/metrics")
    assert page.headers["content-type"].startswith("text/plain")
    assert 'release="m@7"' in page.body.decode()
    verdict = server.ask(path=f"/v2/rollouts/{rollout}/verdict")
    assert (verdict.status, verdict.json["rollout"]) == (200, rollout)
    assert server.ask(path="/v2/rollouts/none/verdict").status == 404
