"""A router's end of a link: every question ends once, and a death is told as one."""

from __future__ import annotations

import asyncio
import contextlib
import time
from functools import partial

import pytest
from tests.serve.worker_threads import BROKEN, HELD, WRONG, numbers_answerer, question, worker_thread

from smallcraft.serve.router.links import Refused, Unanswered, Why, WorkerLink, connect
from smallcraft.serve.worker.replying import Answered


@pytest.fixture(scope="module")
def answerer(tmp_path_factory):
    return numbers_answerer(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def worker(tmp_path, answerer):
    with worker_thread(tmp_path, answerer) as worker:
        yield worker


@contextlib.asynccontextmanager
async def linked(worker, ends: list[WorkerLink] | None = None):
    link = await connect(worker.path, worker.box, (ends if ends is not None else []).append)
    assert link is not None
    try:
        yield link
    finally:
        worker.model.may_go_on.set()
        link.close()
        while link.is_connected:
            await asyncio.sleep(0.005)


def ask(link: WorkerLink, *firsts: float, within_s: float = 60.0):
    deadline = time.monotonic() + within_s
    return link.ask(question(*(firsts or (0.5,))), fingerprint=1, deadline=deadline)


async def held(worker) -> None:
    assert await asyncio.get_running_loop().run_in_executor(None, partial(worker.model.reached.wait, 30))


def test_an_answer_is_the_models_own(worker, answerer):
    async def scene():
        async with linked(worker) as link:
            assert link.interfaces[""].facts == answerer.heads[""]
            _, outcome = ask(link, 0.25, 0.75)
            return await outcome

    answered = asyncio.run(scene())
    expected = answerer.answer(question(0.25, 0.75).inputs)
    assert isinstance(answered, Answered)
    assert answered.reply.probs.tobytes() == expected.probs.tobytes()


def test_refusals_tell_whose_fault_it_is(worker):
    async def scene():
        async with linked(worker) as link:
            return [await ask(link, first)[1] for first in (WRONG, BROKEN)]

    wrong, broken = asyncio.run(scene())
    assert wrong == Refused("not this row; send another", is_clients=True)
    assert isinstance(broken, Refused)
    assert not broken.is_clients


def test_what_a_dead_worker_owed_is_one_failure(worker):
    async def scene():
        ends: list[WorkerLink] = []
        async with linked(worker, ends) as link:
            outcomes = [ask(link, HELD)[1], ask(link)[1], ask(link)[1]]
            await held(worker)
            next(iter(worker.loop._connections.values())).socket.shutdown(2)
            found = [await outcome for outcome in outcomes]
            assert ends == [link]
            assert not link.is_connected
            return found

    lost = Unanswered(Why.LOST)
    repeat = Unanswered(Why.LOST, is_repeat=True)
    assert asyncio.run(scene()) == [lost, repeat, repeat]


def test_what_takes_too_long_is_given_up(worker):
    async def scene():
        async with linked(worker) as link:
            first = ask(link, HELD)[1]
            await held(worker)
            second = ask(link)[1]
            third = ask(link, within_s=1e6)[1]
            link.give_up_late(time.monotonic() + 100)
            found = [await first, await second]
            worker.model.may_go_on.set()
            assert isinstance(await third, Answered)
            fourth = ask(link, within_s=-1.0)[1]
            return [*found, await fourth]

    assert asyncio.run(scene()) == [
        Unanswered(Why.TIMED_OUT),
        Unanswered(Why.TIMED_OUT),
        Unanswered(Why.EXPIRED),
    ]
    # What was given up before its turn was not begun.
    assert sum(worker.model.batches) == 2


def test_what_a_client_left_is_not_begun(worker):
    async def scene():
        async with linked(worker) as link:
            first = ask(link, HELD)[1]
            await held(worker)
            number, outcome = ask(link)
            link.give_up(number, Why.GONE)
            link.give_up(number, Why.GONE)
            worker.model.may_go_on.set()
            assert isinstance(await first, Answered)
            assert isinstance(await ask(link)[1], Answered)
            return await outcome

    assert asyncio.run(scene()) == Unanswered(Why.GONE)
    assert worker.model.batches == [1, 1]


def test_a_worker_that_leaves_answers_what_it_has_and_takes_no_more(worker):
    async def scene():
        ends: list[WorkerLink] = []
        async with linked(worker, ends) as link:
            outcome = ask(link, HELD)[1]
            await held(worker)
            worker.loop.leave(within_s=30.0)
            worker.model.may_go_on.set()
            assert isinstance(await outcome, Answered)
            while link.is_connected:
                await asyncio.sleep(0.01)
            assert not link.is_open
            return len(ends)

    # Told that it leaves, and that it is gone.
    assert asyncio.run(scene()) == 2


def test_a_link_that_is_closed_waits_for_its_answers(worker):
    async def scene():
        async with linked(worker) as link:
            outcome = ask(link, HELD)[1]
            await held(worker)
            link.close()
            assert not link.is_open
            worker.model.may_go_on.set()
            answered = await outcome
            while link.is_connected:
                await asyncio.sleep(0.01)
            return answered

    assert isinstance(asyncio.run(scene()), Answered)


def test_where_no_worker_is_there_is_no_link(tmp_path):
    assert asyncio.run(connect(tmp_path / "absent", tmp_path / "box", lambda _: None)) is None
