"""What a desk tells of: answers that clients were given, each once, and the failures of each release."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import ExitStack

import numpy as np
import pytest
from tests.serve.router.scenes import (
    CANARY_FIRST,
    Scene,
    break_link,
    held,
    let_canary_be_late,
    request,
    scene,
)
from tests.serve.worker_threads import HELD, WRONG, numbers_answerer, worker_thread

from smallcraft.serve.router.desk import Desk
from smallcraft.serve.windows.buffer import RowBuffer, Taken
from smallcraft.serve.windows.segments import Segments


@pytest.fixture(scope="module")
def answerers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    return [numbers_answerer(folder, seed) for seed in (1, 2)]


@pytest.fixture
def workers(tmp_path, answerers):
    with ExitStack() as stack:
        yield [
            stack.enter_context(worker_thread(tmp_path, answerer, f"w{number}"))
            for number, answerer in enumerate(answerers)
        ]


def watched(made: Scene) -> RowBuffer:
    """A desk that tells, in the place of the scene's."""
    buffer = RowBuffer(most_rows=1000, most_bytes=1 << 20, segments=Segments(None, most=1), seed=(0,))
    made.desk = Desk(made.counters, made.patience, buffer)
    return buffer


def releases(taken: Taken) -> Counter[str]:
    found: Counter[str] = Counter()
    for columns in taken.columns:
        found[columns.interface.facts.label] += columns.n
    return found


def errors(taken: Taken) -> dict[str, int]:
    return {name.release: count for name, count in taken.errors.items()}


def test_each_answer_is_told_once_for_the_release_that_gave_it(workers):
    async def play():
        async with scene(workers[0], workers[1], 0.5) as made:
            buffer = watched(made)
            given = [await made.desk.answer(made.model, request(0.1 * number)) for number in range(40)]
            given += [await made.desk.answer(made.model, request(version=version)) for version in "12"]
            taken = buffer.take()
            assert releases(taken) == Counter(one.interface.facts.label for one in given)
            assert set(releases(taken)) == {"m@1", "m@2"}
            rows = [rows for columns in taken.columns for rows in columns.tables().values()]
            asked = sorted(one.question.inputs.numbers[0, 0] for one in given)
            assert sorted(np.concatenate([some.numbers["x0"] for some in rows])) == asked
            assert all(0 < some.latency_ms.min() <= some.latency_ms.max() < 60_000 for some in rows)
            assert not taken.errors

    asyncio.run(play())


def test_copies_for_a_new_release_that_is_only_compared_are_not_told(workers):
    async def play():
        async with scene(workers[0], workers[1], 0.0, is_shadow=True) as made:
            buffer = watched(made)
            for _ in range(5):
                await made.desk.answer(made.model, request())
            while made.desk._shadow._copies:
                await asyncio.sleep(0.01)
            assert sum(workers[1].model.batches) == 5
            assert releases(buffer.take()) == {"m@1": 5}

    asyncio.run(play())


def test_where_the_stable_release_stands_in_the_row_is_its_and_the_failure_the_others(workers):
    def broken(head, questions):
        raise RuntimeError("broken")

    workers[1].model.answer_many = broken

    async def play():
        async with scene(workers[0], workers[1], 1.0) as made:
            buffer = watched(made)
            for _ in range(3):
                await made.desk.answer(made.model, request())
            taken = buffer.take()
            assert (releases(taken), errors(taken)) == ({"m@1": 3}, {"m@2": 3})
            # Of its own name, there is nobody to stand in.
            assert (await made.desk.answer(made.model, request(version="2"))).status == 500
            taken = buffer.take()
            assert (releases(taken), errors(taken)) == ({}, {"m@2": 1})

    asyncio.run(play())


def test_an_answer_that_comes_too_late_is_not_told(workers):
    async def play():
        async with scene(workers[0], workers[1], 1.0, patience=CANARY_FIRST) as made:
            buffer = watched(made)
            asked = asyncio.ensure_future(made.desk.answer(made.model, request(HELD)))
            await held(workers[1])
            workers[0].model.may_go_on.set()
            let_canary_be_late(made)
            await asked
            workers[1].model.may_go_on.set()
            await made.desk.answer(made.model, request(0.3, version="2"))
            taken = buffer.take()
            assert (releases(taken), errors(taken)) == ({"m@1": 1, "m@2": 1}, {"m@2": 1})

    asyncio.run(play())


def test_a_request_that_is_asked_again_after_a_death_is_told_once(workers, tmp_path, answerers):
    async def play():
        async with scene(workers[0]) as made:
            buffer = watched(made)
            asked = [asyncio.ensure_future(made.desk.answer(made.model, request(HELD))) for _ in range(3)]
            await held(workers[0])
            break_link(workers[0])
            while not made.deaths:
                await asyncio.sleep(0.01)
            with worker_thread(tmp_path, answerers[0], "again") as again:
                again.model.may_go_on.set()
                assert await made.reach(again)
                await asyncio.gather(*asked)
                taken = buffer.take()
                assert (releases(taken), errors(taken)) == ({"m@1": 3}, {})

    asyncio.run(play())


def test_a_client_that_leaves_and_rows_that_are_wrong_are_not_told(workers):
    async def play():
        async with scene(workers[0]) as made:
            buffer = watched(made)
            assert (await made.desk.answer(made.model, request(WRONG))).status == 400
            asked = request(HELD)
            under_way = asyncio.ensure_future(made.desk.answer(made.model, asked))
            await held(workers[0])
            asked.arrived = time.monotonic()
            asked.gone()
            await under_way
            assert not buffer.take()

    asyncio.run(play())
