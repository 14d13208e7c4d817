"""A release as a router reaches it: through a worker, or in the router itself."""

from __future__ import annotations

import asyncio
import time

import pytest
from tests.serve.router.scenes import request
from tests.serve.worker_threads import numbers_answerer, question

from smallcraft.errors import InvalidInputError
from smallcraft.serve.router.admission import Gate
from smallcraft.serve.router.arms import Arm, Local
from smallcraft.serve.router.links import Refused, Unanswered, Why
from smallcraft.serve.worker.blackbox import BlackBox, read_under_way
from smallcraft.serve.worker.replying import Answered


@pytest.fixture(scope="module")
def answerer(tmp_path_factory):
    return numbers_answerer(tmp_path_factory.mktemp("bundle"))


class Failing:
    """The model, but for what it raises."""

    def __init__(self, answerer, error, box) -> None:
        self.heads, self.error, self.box = answerer.heads, error, box
        self.under_way = ()

    def answer(self, inputs, head=""):
        self.under_way = read_under_way(self.box).fingerprints
        raise self.error


def test_a_release_in_the_router_itself_answers_at_once(tmp_path, answerer):
    arm = Arm("sha256:1", Gate(4))
    assert not arm.is_ready
    assert arm.version == ""
    arm.use_local(Local(answerer, BlackBox(tmp_path / "box")))
    assert arm.is_ready
    assert arm.version == "1"
    answered = arm.ask(question(0.25), request(), time.monotonic() + 1)
    assert isinstance(answered, Answered)
    expected = answerer.answer(question(0.25).inputs)
    assert answered.reply.probs.tobytes() == expected.probs.tobytes()
    assert answered.batch_rows == 1


@pytest.mark.parametrize(
    ("error", "is_clients"), [(InvalidInputError("not so"), True), (ZeroDivisionError("x"), False)]
)
def test_a_model_that_fails_in_the_router_fails_no_other_request(tmp_path, answerer, error, is_clients):
    model = Failing(answerer, error, tmp_path / "box")
    local = Local(model, BlackBox(tmp_path / "box"))
    refused = local.answer(question(0.5), 42)
    assert isinstance(refused, Refused)
    assert refused.is_clients is is_clients
    # It stood in the black box while it was answered, and not afterwards.
    assert model.under_way == (42,)
    assert read_under_way(tmp_path / "box").fingerprints == ()


def test_without_a_worker_a_question_is_lost_and_nobody_waits_past_the_deadline():
    async def play():
        arm = Arm("sha256:1", Gate(4))
        assert arm.ask(question(0.5), request(), 0.0) == Unanswered(Why.LOST, is_repeat=True)
        assert not await arm.until_linked(time.monotonic() + 0.02)
        assert not await arm.until_linked(time.monotonic() - 1)
        assert arm.queued == 0

    asyncio.run(play())


def test_who_waits_is_woken_when_the_release_can_be_asked(tmp_path, answerer):
    async def play():
        arm = Arm("sha256:1", Gate(4))
        waiting = [asyncio.ensure_future(arm.until_linked(time.monotonic() + 60)) for _ in range(3)]
        await asyncio.sleep(0)
        assert arm.queued == 3
        arm.use_local(Local(answerer, BlackBox(tmp_path / "box")))
        assert await asyncio.gather(*waiting) == [True, True, True]

    asyncio.run(play())


def test_nobody_waits_for_a_release_that_is_served_no_more():
    async def play():
        arm = Arm("sha256:1", Gate(4))
        waiting = [asyncio.ensure_future(arm.until_linked(time.monotonic() + 60)) for _ in range(3)]
        await asyncio.sleep(0)
        arm.retire()
        assert await asyncio.wait_for(asyncio.gather(*waiting), 5) == [False, False, False]
        assert not await asyncio.wait_for(arm.until_linked(time.monotonic() + 60), 5)

    asyncio.run(play())
