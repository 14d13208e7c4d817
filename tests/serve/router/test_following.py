"""A router's talk with its supervisor, over a real socket pair."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from tests.serve.router.scenes import Scene, contender, digest_of, hang_up, request
from tests.serve.toy_bundles import write_numbers_bundle
from tests.serve.worker_threads import numbers_answerer, worker_thread

from smallcraft.serve.loading.source import source_of_folder, write_source
from smallcraft.serve.metrics.shipment import from_message
from smallcraft.serve.processes.messages import Channel, Message
from smallcraft.serve.rollout.assignment import Assignment
from smallcraft.serve.router.following import Follower
from smallcraft.serve.worker.blackbox import BlackBox


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("bundles")


@pytest.fixture
def worker(tmp_path, folder):
    with worker_thread(tmp_path, numbers_answerer(folder)) as worker:
        yield worker


@dataclass
class Supervisor:
    """The other end: what it has heard, and a way to say something."""

    heard: list[Message] = field(default_factory=list)
    channel: Channel | None = None

    def say(self, **message: object) -> None:
        assert self.channel is not None
        self.channel.send(message)

    async def until(self, kind: str) -> Message:
        while True:
            for place, message in enumerate(self.heard):
                if message["kind"] == kind:
                    return self.heard.pop(place)
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def led(tmp_path) -> AsyncIterator[tuple[Follower, Supervisor, Scene, list[str]]]:
    made, supervisor, drained = Scene(), Supervisor(), []
    follower = Follower(
        "r1",
        {"m": made.model},
        made.counters,
        made.desk.quarantine,
        box=BlackBox(tmp_path / "router.box"),
        on_drain=lambda: drained.append("drain"),
    )
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    _, supervisor.channel = await loop.create_connection(
        lambda: Channel(lambda message, _: supervisor.heard.append(message), lambda _: None), sock=ours
    )
    _, channel = await loop.create_connection(lambda: Channel(follower.take, follower.lose), sock=theirs)
    follower.meet(channel, is_orphan=False)
    following = asyncio.ensure_future(follower.follow())
    try:
        yield follower, supervisor, made, drained
    finally:
        following.cancel()
        supervisor.channel.close()
        channel.close()
        await hang_up(made)
        while follower.is_led:
            await asyncio.sleep(0.005)


def assignment(worker, **more) -> Message:
    told = Assignment(1, contender(worker), rollout="ro", step=1, salt="salt", **more)
    reach = {digest_of(worker): {"socket": str(worker.path), "box": str(worker.box), "source": None}}
    return {"kind": "assignment", "model": "m", "assignment": told.to_message(), "reach": reach}


def test_an_assignment_is_followed_and_that_is_told(tmp_path, worker):
    async def play():
        async with led(tmp_path) as (follower, supervisor, made, _):
            assert (await supervisor.until("hello")) == {"kind": "hello", "router": "r1", "orphan": False}
            assert not follower.is_ready
            supervisor.say(**assignment(worker))
            assert (await supervisor.until("following"))["local"] == []
            assert follower.is_ready
            assert (await made.desk.answer(made.model, request())).arm == "stable"

    asyncio.run(play())


def test_a_release_may_be_loaded_into_the_router_itself(tmp_path, worker, folder):
    source = source_of_folder(write_numbers_bundle(folder, seed=1, numbers=4, classes=3)[0], "m", "1")

    async def play():
        async with led(tmp_path) as (_, supervisor, made, _):
            message = assignment(worker)
            message["reach"][source.digest] |= {"socket": None, "box": None, "source": write_source(source)}
            supervisor.say(**message)
            assert (await supervisor.until("following"))["local"] == [source.digest]
            assert (await made.desk.answer(made.model, request())).arm == "stable"
            assert worker.model.batches == []

    asyncio.run(play())


def test_an_alarm_is_told_once_and_again_to_the_next_supervisor(tmp_path):
    async def play():
        async with led(tmp_path) as (follower, supervisor, _, _):
            for why in ("", "the disk", "the disk", ""):
                follower.raise_alarm(why)
            assert (await supervisor.until("alarm"))["why"] == "the disk"
            assert (await supervisor.until("alarm"))["why"] == ""
            follower.raise_alarm("the disk")
            await supervisor.until("alarm")
            assert not [message for message in supervisor.heard if message["kind"] == "alarm"]
            follower.meet(follower._channel, is_orphan=True)
            follower.raise_alarm("the disk")
            assert (await supervisor.until("alarm"))["why"] == "the disk"

    asyncio.run(play())


def test_what_was_counted_is_told_until_it_was_kept(tmp_path, worker):
    async def play():
        async with led(tmp_path) as (follower, supervisor, made, _):
            supervisor.say(**assignment(worker))
            await supervisor.until("following")
            await made.desk.answer(made.model, request())
            follower.ship()
            follower.ship()
            shipments = [from_message((await supervisor.until("counts"))["shipment"]) for _ in range(2)]
            assert [one.sequence for one in shipments] == [1, 1]
            assert int(shipments[0].steps[0].counts.requests[0]) == 1
            last = asyncio.ensure_future(follower.ship_last())
            await made.desk.answer(made.model, request())
            supervisor.say(kind="counted", sequence=1)
            told = shipments[0]
            while told.sequence == 1:
                told = from_message((await supervisor.until("counts"))["shipment"])
            assert (told.sequence, int(told.steps[0].counts.requests[0])) == (2, 1)
            supervisor.say(kind="counted", sequence=2)
            await last
            # With nothing left to tell nobody waits for anybody.
            await follower.ship_last()


def test_where_nothing_was_counted_little_is_told(tmp_path, worker):
    async def play():
        async with led(tmp_path) as (follower, supervisor, made, _):
            supervisor.say(**assignment(worker))
            await supervisor.until("following")
            for _ in range(20):
                follower.ship()
            first = from_message((await supervisor.until("counts"))["shipment"])
            assert (first.sequence, first.steps) == (1, ())
            supervisor.say(kind="counted", sequence=1)
            while made.counters.has_news:
                await asyncio.sleep(0.005)
            await made.desk.answer(made.model, request())
            follower.ship()
            told = first
            while told.sequence == 1:
                told = from_message((await supervisor.until("counts"))["shipment"])
            assert (told.sequence, int(told.steps[0].counts.requests[0])) == (2, 1)

    asyncio.run(play())

    asyncio.run(play())


def test_a_supervisor_that_is_gone_changes_nothing_for_requests(tmp_path, worker):
    async def play():
        async with led(tmp_path) as (follower, supervisor, made, drained):
            supervisor.say(**assignment(worker))
            await supervisor.until("following")
            supervisor.channel.close()
            while follower.is_led:
                await asyncio.sleep(0.005)
            assert (await made.desk.answer(made.model, request())).arm == "stable"
            assert (await follower.ask("metrics", "", "")).status == 503
            follower.ship()
            assert drained == []

    asyncio.run(play())


def test_what_only_the_supervisor_knows_is_asked_and_answered(tmp_path):
    async def play():
        async with led(tmp_path) as (follower, supervisor, _, _):
            asked = asyncio.ensure_future(follower.ask("verdict", "m-2", "text/plain"))
            message = await supervisor.until("ask")
            assert (message["goal"], message["rollout"], message["accept"]) == (
                "verdict",
                "m-2",
                "text/plain",
            )
            supervisor.say(
                kind="answer", number=message["number"], status=404, type="application/json", body="ü"
            )
            answer = await asked
            assert (answer.status, answer.body) == (404, "ü".encode())
            assert (b"content-length", b"2") in answer.headers

    asyncio.run(play())


def test_deaths_of_others_are_remembered(tmp_path):
    async def play():
        async with led(tmp_path) as (_, supervisor, made, _):
            deaths = [["one", [7]], ["two", [7]], ["three", [8, 9]]]
            supervisor.say(kind="deaths", deaths=deaths)
            while not made.desk.quarantine.is_refused(7):
                await asyncio.sleep(0.005)
            assert made.desk.quarantine.is_suspect(8)
            assert made.counters.quarantined == 1

    asyncio.run(play())


def test_it_ends_when_it_is_told_and_hangs_up_on_what_it_does_not_understand(tmp_path):
    async def play():
        async with led(tmp_path) as (follower, supervisor, _, drained):
            supervisor.say(kind="drain")
            while not drained:
                await asyncio.sleep(0.005)
            supervisor.say(kind="something new")
            while follower.is_led:
                await asyncio.sleep(0.005)

    asyncio.run(play())


def test_a_router_that_has_nothing_to_serve_ends(tmp_path, worker):
    async def play():
        async with led(tmp_path) as (_, supervisor, _, drained):
            supervisor.say(**{**assignment(worker), "assignment": {"epoch": 1}})
            while not drained:
                await asyncio.sleep(0.005)

    asyncio.run(play())
