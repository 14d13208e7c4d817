"""A router's line to the controller: what is said arrives, and a line that broke begins with hello again."""

from __future__ import annotations

import asyncio

import pytest

from smallcraft.serve.metrics.counters import Counters
from smallcraft.serve.protocol.routes import Goal
from smallcraft.serve.ray.lines import ControllerLine
from smallcraft.serve.router.following import Follower
from smallcraft.serve.router.quarantine import Quarantine
from smallcraft.serve.worker.blackbox import BlackBox

ASKED: Goal = "metrics"


class Controller:
    """The other end: it can be away, and a call can be lost after it was heard."""

    def __init__(self) -> None:
        self.heard: list[dict] = []
        self.is_away = self.loses_its_answer = False

    async def carry(self, said):
        if self.is_away:
            raise ConnectionError("away")
        self.heard += said
        answers = []
        for message in said:
            if message["kind"] == "counts":
                answers.append({"kind": "counted", "sequence": message["shipment"]["sequence"]})
            elif message["kind"] == "ask":
                told = {"kind": "answer", "number": message["number"], "status": 200}
                answers.append({**told, "type": "text/plain", "body": "here"})
        if self.loses_its_answer:
            raise ConnectionError("lost on the way back")
        return answers

    def of(self, kind: str) -> list[dict]:
        return [message for message in self.heard if message["kind"] == kind]


@pytest.fixture
def ends(tmp_path):
    controller, counters = Controller(), Counters("r1")
    follower = Follower(
        "r1", {}, counters, Quarantine(), box=BlackBox(tmp_path / "box"), on_drain=lambda: None
    )
    return controller, counters, follower, ControllerLine(controller.carry, (ConnectionError,))


def test_a_router_says_hello_first_and_its_counts_are_acknowledged(ends):
    controller, counters, follower, line = ends

    async def play():
        await line.carry_once(follower)
        counters.refuse("test")
        follower.ship()
        await line.carry_once(follower)

    asyncio.run(play())
    assert [message["kind"] for message in controller.heard] == ["hello", "counts"]
    assert line.is_open
    assert not counters.has_news


def test_what_a_broken_line_did_not_acknowledge_is_shipped_again_under_the_same_number(ends):
    controller, counters, follower, line = ends

    async def play():
        await line.carry_once(follower)
        counters.refuse("test")
        follower.ship()
        # Heard, and the answer lost: as when the controller is killed in between.
        controller.loses_its_answer = True
        await line.carry_once(follower)
        assert not line.is_open
        assert not follower.is_led
        controller.loses_its_answer = False
        await line.carry_once(follower)
        follower.ship()
        await line.carry_once(follower)

    asyncio.run(play())
    assert [message["kind"] for message in controller.heard] == ["hello", "counts", "hello", "counts"]
    assert [told["shipment"]["sequence"] for told in controller.of("counts")] == [1, 1]
    assert not counters.has_news


def test_a_question_is_carried_at_once_and_one_that_nobody_hears_has_an_answer_too(ends):
    controller, _, follower, line = ends

    async def play():
        keeping = asyncio.create_task(line.keep(follower))
        while not line.is_open:
            await asyncio.sleep(0.01)
        answered = await follower.ask(ASKED, "", "")
        controller.is_away = True
        refused = await follower.ask(ASKED, "", "")
        keeping.cancel()
        return answered, refused

    answered, refused = asyncio.run(play())
    assert (answered.status, answered.body) == (200, b"here")
    assert refused.status == 503
    assert b"the supervisor does not answer" in refused.body
