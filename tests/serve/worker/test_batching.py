"""What waits for a worker: oldest first, one head a batch, suspects alone, nobody overtaken for ever."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from smallcraft.bundle.inputs import Inputs
from smallcraft.serve.questions import Question
from smallcraft.serve.worker.asking import Asked, ask_frame, read_asked
from smallcraft.serve.worker.batching import MOST_ROWS, Queue

ROUTER, OTHER = object(), object()


def asked(
    number: int, *, rows: int = 1, head: str = "", deadline: float = 10.0, alone: bool = False
) -> Asked:
    question = Question(Inputs(rows, None, np.zeros((rows, 1)), ()), head=head)
    return read_asked(ask_frame(question, number, deadline=deadline, fingerprint=number, is_alone=alone))


def numbers(waiting) -> list[int]:
    return [one.asked.number for one in waiting]


def batches(queue: Queue) -> list[list[int]]:
    found = []
    while len(queue):
        batch = queue.next_batch(0.0)
        assert batch.rows == sum(one.asked.rows for one in batch.taken)
        found.append(numbers(batch.taken))
    return found


def test_what_has_queued_up_is_the_next_batch():
    queue = Queue()
    for number in range(20):
        queue.add(asked(number), ROUTER)
    assert batches(queue) == [list(range(16)), [16, 17, 18, 19]]


def test_a_lone_question_waits_for_nobody():
    queue = Queue()
    queue.add(asked(1), ROUTER)
    assert batches(queue) == [[1]]


def test_a_batch_has_one_head():
    queue = Queue()
    for number, head in enumerate(["a", "b", "a", "b"]):
        queue.add(asked(number, head=head), ROUTER)
    assert batches(queue) == [[0, 2], [1, 3]]


def test_a_suspect_is_answered_alone():
    queue = Queue()
    for number in range(4):
        queue.add(asked(number, alone=number == 1), ROUTER)
    assert batches(queue) == [[0, 2, 3], [1]]


def test_what_is_late_is_in_no_batch():
    queue = Queue()
    queue.add(asked(1, deadline=1.0), ROUTER)
    queue.add(asked(2, deadline=9.0), ROUTER)
    batch = queue.next_batch(5.0)
    assert (numbers(batch.taken), numbers(batch.expired)) == ([2], [1])


def test_a_question_that_nobody_waits_for_is_dropped_when_not_begun():
    queue = Queue()
    queue.add(asked(1), ROUTER)
    queue.add(asked(1), OTHER)
    assert queue.cancel(1, ROUTER)
    assert not queue.cancel(1, ROUTER)
    assert [one.source for one in queue.next_batch(0.0).taken] == [OTHER]


def test_a_router_that_is_gone_waits_for_nothing():
    queue = Queue()
    for number in range(3):
        queue.add(asked(number), ROUTER)
    queue.add(asked(7), OTHER)
    queue.drop(ROUTER)
    assert batches(queue) == [[7]]


questions = st.tuples(st.integers(1, 40), st.sampled_from(["a", "b"]), st.booleans())


@settings(max_examples=50)
@given(st.lists(questions, max_size=30))
def test_every_question_is_answered_once_and_no_batch_breaks_a_rule(drawn):
    queue = Queue()
    for number, (rows, head, alone) in enumerate(drawn):
        queue.add(asked(number, rows=rows, head=head, alone=alone), ROUTER)
    found = batches(queue)
    assert sorted(number for batch in found for number in batch) == list(range(len(drawn)))
    for batch in found:
        assert len({drawn[number][1] for number in batch}) == 1
        assert len(batch) == 1 or not any(drawn[number][2] for number in batch)
        assert len(batch) == 1 or sum(drawn[number][0] for number in batch) <= MOST_ROWS
    # The oldest that waits is always in the next batch.
    waiting = list(range(len(drawn)))
    for batch in found:
        assert waiting[0] in batch
        waiting = [number for number in waiting if number not in batch]
