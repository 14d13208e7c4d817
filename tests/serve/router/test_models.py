"""How a model's traffic is split: whole splits, from one request to the next."""

from __future__ import annotations

import asyncio

from tests.serve.router.scenes import Scene, break_link, digest_of, held, request, scene
from tests.serve.worker_threads import HELD, worker_thread

from smallcraft.serve.router.models import Reach


def test_nothing_is_followed_before_the_stable_release_was_reached(workers):
    made = Scene()
    assert not made.follow(workers[0])
    assert not made.model.is_ready
    assert made.model.versions == ()
    assert made.model.interfaces() == {}


def test_a_release_that_cannot_be_reached_gets_nothing_and_nothing_is_counted(workers, tmp_path):
    async def play():
        async with scene(workers[0]) as made:
            absent = Reach(tmp_path / "absent", tmp_path / "box")
            assert not await made.model.reach(digest_of(workers[1]), absent)
            assert made.follow(workers[0], workers[1], 0.5)
            assert made.model.split.canary is None
            assert not made.model.split.is_counted
            arms = {(await made.desk.answer(made.model, request())).arm for _ in range(20)}
            assert arms == {"stable"}
            assert not made.tallies()[0].has_evidence()

    asyncio.run(play())


def test_while_one_of_the_releases_cannot_be_asked_nothing_is_evidence(workers):
    async def play():
        async with scene(workers[0], workers[1], 0.5) as made:
            assert made.model.split.is_counted
            break_link(workers[1])
            while made.model.split.canary.is_ready:
                await asyncio.sleep(0.005)
            assert not made.model.split.is_counted
            arms = {(await made.desk.answer(made.model, request())).arm for _ in range(20)}
            assert arms == {"stable"}
            assert not any(tally.has_evidence() for tally in made.tallies())

    asyncio.run(play())


def test_a_request_ends_under_the_split_that_it_began_under(workers):
    async def play():
        async with scene(workers[0], workers[1], 1.0) as made:
            before = made.tallies()
            asked = asyncio.ensure_future(made.desk.answer(made.model, request(HELD)))
            await held(workers[1])
            assert made.follow(workers[0], None, step=2)
            workers[1].model.may_go_on.set()
            given = await asked
            assert given.arm == "canary"
            assert before[1].evidence.subjects == 1
            assert made.tallies()[1] is not before[1]

    asyncio.run(play())


def test_a_release_that_left_the_split_is_hung_up_on(workers):
    async def play():
        async with scene(workers[0], workers[1], 0.5) as made:
            assert made.model.versions == ("1", "2")
            assert made.model.interfaces("2")[""].facts.version == "2"
            link = made.model.split.canary.link
            made.follow(workers[0])
            while link.is_connected:
                await asyncio.sleep(0.01)
            assert made.model.versions == ("1",)
            assert made.model.interfaces("2")[""].facts.version == "1"

    asyncio.run(play())


def test_a_worker_that_takes_over_gets_what_comes_and_the_old_one_ends_what_it_has(
    workers, tmp_path, answerers
):
    async def play():
        async with scene(workers[0]) as made:
            asked = asyncio.ensure_future(made.desk.answer(made.model, request(HELD)))
            await held(workers[0])
            with worker_thread(tmp_path, answerers[0], "next") as taking_over:
                assert await made.reach(taking_over)
                await made.desk.answer(made.model, request())
                assert taking_over.model.batches == [1]
                workers[0].model.may_go_on.set()
                assert (await asked).arm == "stable"
                assert not made.deaths

    asyncio.run(play())


def test_an_arm_may_hold_its_share_of_what_is_open(workers):
    async def play():
        async with scene(workers[0], workers[1], 0.05, limit=1000) as made:
            split = made.model.split
            assert (split.stable.gate.limit, split.canary.gate.limit) == (1000, 107)
            made.follow(workers[0], workers[1], 0.95)
            assert (split.stable.gate.limit, split.canary.gate.limit) == (107, 1000)

    asyncio.run(play())


def test_what_is_open_is_noted_for_the_counters(workers):
    async def play():
        async with scene(workers[0]) as made:
            asked = [asyncio.ensure_future(made.desk.answer(made.model, request(HELD))) for _ in range(3)]
            await held(workers[0])
            made.model.note_open()
            assert made.tallies()[0].in_flight == 3
            workers[0].model.may_go_on.set()
            for one in asked:
                await one
            made.model.note_open()
            assert made.tallies()[0].in_flight == 0

    asyncio.run(play())
