"""Batches to frames, whoever carries them: each question has one, and a broken one spoils no other."""

from __future__ import annotations

import time

import numpy as np
import pytest
from tests.serve.worker_threads import BROKEN, WRONG, Held, numbers_answerer, question

from smallcraft.serve.worker.answering import BatchAnswerer
from smallcraft.serve.worker.asking import ask_frame, read_asked
from smallcraft.serve.worker.batching import Queue
from smallcraft.serve.worker.blackbox import BlackBox, read_under_way
from smallcraft.serve.worker.frames import EXPIRED, FAILED, REFUSED, REPLY, kind_of, number_of
from smallcraft.serve.worker.replying import ReplyCodec


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return numbers_answerer(tmp_path_factory.mktemp("bundle"))


def asked(first: float, number: int, *, left_s: float = 60.0):
    return read_asked(
        ask_frame(question(first), number, deadline=time.monotonic() + left_s, fingerprint=100 + number)
    )


def answered(model, box, *questions) -> dict[str, bytes]:
    queue: Queue[str] = Queue()
    for one in questions:
        queue.add(one, f"from {one.number}")
    frames: dict[str, bytes] = {}
    answerer = BatchAnswerer(model, BlackBox(box))
    while len(queue):
        answerer.answer(
            queue.next_batch(time.monotonic()), lambda source, frame: frames.update({source: frame})
        )
    return frames


def test_each_question_of_a_batch_has_its_own_answer(model, tmp_path):
    frames = answered(model, tmp_path / "box", asked(0.25, 1), asked(0.5, 2))
    codec = ReplyCodec(model.heads[""].task, model.heads[""].classes)
    for first, number in ((0.25, 1), (0.5, 2)):
        frame = frames[f"from {number}"]
        assert number_of(frame) == number
        expected = model.answer_many("", [question(first).inputs])[0]
        np.testing.assert_array_equal(codec.decode(frame).reply.probs, expected.probs)


def test_what_breaks_the_model_spoils_no_other_of_its_batch(model, tmp_path):
    held = Held(model)
    kinds = answered(held, tmp_path / "box", asked(0.5, 1), asked(BROKEN, 2), asked(WRONG, 3))
    assert {source: kind_of(frame) for source, frame in kinds.items()} == {
        "from 1": REPLY,
        "from 2": FAILED,
        "from 3": REFUSED,
    }
    assert held.batches == [3, 1, 1, 1]


def test_what_waited_too_long_is_told_and_not_answered(model, tmp_path):
    held = Held(model)
    frames = answered(held, tmp_path / "box", asked(0.5, 1, left_s=-1.0))
    assert [kind_of(frame) for frame in frames.values()] == [EXPIRED]
    assert held.batches == []


def test_a_batch_is_in_the_black_box_while_it_is_answered_and_not_after(model, tmp_path):
    seen = []

    class Looking(Held):
        def answer_many(self, head, questions):
            seen.append(read_under_way(tmp_path / "box").fingerprints)
            return super().answer_many(head, questions)

    answered(Looking(model), tmp_path / "box", asked(0.25, 1), asked(0.5, 2))
    assert seen == [(101, 102)]
    assert read_under_way(tmp_path / "box").fingerprints == ()
