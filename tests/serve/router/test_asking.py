"""One attempt at one release: it ends, and what was admitted is released."""

from __future__ import annotations

import asyncio
import time

import pytest
from tests.serve.router.scenes import break_link, request, scene
from tests.serve.worker_threads import BROKEN, HELD, numbers_answerer, worker_thread

from smallcraft.serve.router.asking import Given, try_arm
from smallcraft.serve.router.links import Refused, Unanswered, Why


@pytest.fixture(scope="module")
def answerer(tmp_path_factory):
    return numbers_answerer(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def worker(tmp_path, answerer):
    with worker_thread(tmp_path, answerer) as worker:
        yield worker


def test_every_attempt_releases_what_it_was_admitted_to(worker):
    async def play():
        async with scene(worker) as made:
            arm, deadline = made.model.split.stable, time.monotonic() + 60
            said = await try_arm(arm, request(), name="stable", deadline=deadline)
            assert isinstance(said, Given)
            assert (said.interface.facts.label, said.arm) == ("m@1", "stable")
            broken = await try_arm(arm, request(BROKEN), name="stable", deadline=deadline)
            assert isinstance(broken, Refused)
            assert not broken.is_clients
            misfit = await try_arm(arm, request(width=7), name="stable", deadline=deadline)
            assert isinstance(misfit, Refused)
            assert misfit.is_clients
            assert arm.gate.open == 0
            arm.gate.limit = 0
            assert await try_arm(arm, request(), name="stable", deadline=deadline) == Unanswered(Why.FULL)
            assert await try_arm(arm, request(), name="stable", deadline=deadline) == Unanswered(
                Why.FULL, is_repeat=True
            )
            arm.gate.limit = 1
            break_link(worker)
            while arm.is_ready:
                await asyncio.sleep(0.01)
            lost = await try_arm(arm, request(), name="stable", deadline=deadline)
            assert lost == Unanswered(Why.LOST, is_repeat=True)
            assert arm.gate.open == 0

    asyncio.run(play())


def test_a_client_that_goes_ends_its_attempt(worker):
    async def play():
        async with scene(worker) as made:
            asked = request(HELD)
            attempt = asyncio.ensure_future(
                try_arm(made.model.split.stable, asked, name="stable", deadline=time.monotonic() + 60)
            )
            await asyncio.sleep(0)
            asked.gone()
            assert asked.is_gone
            assert await attempt == Unanswered(Why.GONE)

    asyncio.run(play())
