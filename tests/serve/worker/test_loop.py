"""A worker's main loop over a real socket and a real bundle: every question has its answer."""

from __future__ import annotations

import socket
import time

import pytest
from tests.serve.worker_threads import BROKEN, HELD, WRONG, numbers_answerer, question, worker_thread

from smallcraft.serve.worker.asking import ask_frame
from smallcraft.serve.worker.blackbox import read_under_way
from smallcraft.serve.worker.facts import read_heads
from smallcraft.serve.worker.frames import (
    CANCEL,
    EXPIRED,
    FAILED,
    HELLO,
    LEAVING,
    REFUSED,
    REPLY,
    FrameCutter,
    kind_of,
    number_of,
    read_hello,
    short_frame,
    short_text,
)
from smallcraft.serve.worker.replying import ReplyCodec


class Router:
    """A router's end, read frame by frame."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(path)
        self.cutter = FrameCutter()
        self.frames: list[bytes] = []

    def ask(self, *firsts: float, number: int, deadline: float | None = None) -> None:
        until = time.monotonic() + 60 if deadline is None else deadline
        self.socket.sendall(ask_frame(question(*firsts), number, deadline=until, fingerprint=1000 + number))

    def next(self) -> bytes | None:
        while not self.frames:
            data = self.socket.recv(1 << 16)
            if not data:
                return None
            self.frames = self.cutter.feed(data)
        return self.frames.pop(0)


@pytest.fixture(scope="module")
def answerer(tmp_path_factory):
    return numbers_answerer(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def served(tmp_path, answerer):
    with worker_thread(tmp_path, answerer) as worker:
        router = Router(str(worker.path))
        hello = router.next()
        assert kind_of(hello) == HELLO
        assert read_heads(read_hello(hello)) == worker.model.heads
        with router.socket:
            yield worker.loop, worker.model, router, worker


def test_answers_are_the_models_own(served, answerer):
    _, model, router, _ = served
    router.ask(0.25, 0.5, number=3)
    frame = router.next()
    assert (kind_of(frame), number_of(frame)) == (REPLY, 3)
    codec = ReplyCodec("multiclass", model.heads[""].classes)
    answered = codec.decode(frame)
    expected = answerer.answer(question(0.25, 0.5).inputs)
    assert answered.reply.probs.tobytes() == expected.probs.tobytes()
    assert answered.reply.decisions.labels == expected.decisions.labels
    assert answered.seconds > 0
    assert answered.batch_rows == 2


def test_what_queues_up_while_a_batch_is_answered_is_the_next_batch(served):
    _, model, router, _ = served
    router.ask(HELD, number=0)
    assert model.reached.wait(30)
    for number in range(1, 20):
        router.ask(0.1, number=number)
    model.may_go_on.set()
    frames = [router.next() for _ in range(20)]
    assert [number_of(frame) for frame in frames] == list(range(20))
    assert model.batches == [1, 16, 3]
    codec = ReplyCodec("multiclass", model.heads[""].classes)
    assert [codec.decode(frame).batch_rows for frame in frames] == [1, 16, *[0] * 15, 3, 0, 0]


def test_what_is_under_way_stands_in_the_black_box(served):
    _, model, router, worker = served
    router.ask(HELD, number=4)
    assert model.reached.wait(30)
    assert read_under_way(worker.box).fingerprints == (1004,)
    model.may_go_on.set()
    router.next()
    router.ask(0.1, number=5)
    router.next()
    assert read_under_way(worker.box).fingerprints in {(), (1005,)}


def test_what_nobody_waits_for_is_not_begun(served):
    _, model, router, _ = served
    router.ask(HELD, number=0)
    assert model.reached.wait(30)
    router.ask(0.1, number=1)
    router.ask(0.2, number=2, deadline=time.monotonic() - 1)
    router.ask(0.3, number=3)
    router.socket.sendall(short_frame(CANCEL, 1))
    model.may_go_on.set()
    frames = [router.next() for _ in range(3)]
    assert [(number_of(frame), kind_of(frame)) for frame in frames] == [(0, REPLY), (2, EXPIRED), (3, REPLY)]
    assert model.batches == [1, 1]


def test_a_question_that_breaks_the_model_spoils_no_other(served):
    _, model, router, _ = served
    router.ask(HELD, number=0)
    assert model.reached.wait(30)
    for number, first in enumerate((0.1, WRONG, 0.2, BROKEN), start=1):
        router.ask(first, number=number)
    model.may_go_on.set()
    frames = {number_of(frame): frame for frame in (router.next() for _ in range(5))}
    kinds = {number: kind_of(frame) for number, frame in frames.items()}
    assert kinds == {0: REPLY, 1: REPLY, 2: REFUSED, 3: REPLY, 4: FAILED}
    assert short_text(frames[2]) == "not this row; send another"


def test_a_worker_that_leaves_answers_what_it_has_and_says_so(served):
    loop, model, router, _ = served
    router.ask(HELD, number=0)
    assert model.reached.wait(30)
    router.ask(0.1, number=1)
    loop.leave(within_s=30.0)
    model.may_go_on.set()
    kinds = [kind_of(router.next()) for _ in range(3)]
    assert sorted(kinds) == sorted([REPLY, REPLY, LEAVING])
    assert kinds[0] == REPLY


def test_routers_that_are_gone_leave_nothing_behind(served):
    loop, model, router, worker = served
    other = Router(str(worker.path))
    assert kind_of(other.next()) == HELLO
    router.ask(HELD, number=0)
    assert model.reached.wait(30)
    other.ask(0.1, number=1)
    router.ask(0.2, number=2)
    other.socket.close()
    model.may_go_on.set()
    assert [number_of(router.next()) for _ in range(2)] == [0, 2]
    router.ask(0.3, number=3)
    assert number_of(router.next()) == 3
    assert loop.connections == 1
