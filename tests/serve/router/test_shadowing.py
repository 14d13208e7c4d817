"""SHADOW: what both releases say is compared; no client waits for it."""

from __future__ import annotations

import asyncio

from tests.serve.router.scenes import held, request, scene
from tests.serve.worker_threads import HELD


def test_answers_of_both_are_compared_and_the_stable_one_is_given(workers, answerers):
    async def play():
        async with scene(workers[0], workers[1], is_shadow=True) as made:
            firsts = [0.01 * number for number in range(-100, 100, 10)]
            given = [await made.desk.answer(made.model, request(first)) for first in firsts]
            assert {one.arm for one in given} == {"stable"}
            tallies = made.model.split.tallies
            while tallies.compared < len(firsts):
                await asyncio.sleep(0.01)
            labels = [
                [answerer.answer(one.question.inputs).decisions.labels[0] for one in given]
                for answerer in answerers
            ]
            assert tallies.disagreed == sum(one != other for one, other in zip(*labels, strict=True))
            assert 0 < tallies.disagreed < len(firsts)

    asyncio.run(play())


def test_a_new_release_that_is_slow_holds_up_nobody_and_is_asked_less(workers):
    async def play():
        async with scene(workers[0], workers[1], is_shadow=True) as made:
            workers[0].model.may_go_on.set()
            await made.desk.answer(made.model, request(HELD))
            await held(workers[1])
            for _ in range(60):
                await made.desk.answer(made.model, request())
            assert made.model.split.tallies.compared == 0
            workers[1].model.may_go_on.set()
            while made.desk._shadow._copies:
                await asyncio.sleep(0.01)
            assert made.model.split.tallies.compared == 32

    asyncio.run(play())
