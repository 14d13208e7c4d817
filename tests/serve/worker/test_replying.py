"""Replies as frames: every answer of every task comes out bit by bit."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from smallcraft.records import Decisions
from smallcraft.serve.questions import Reply
from smallcraft.serve.worker.frames import REPLY, kind_of, number_of
from smallcraft.serve.worker.replying import Answered, ReplyCodec

CLASSES = ("a", "b b", "ü", '"')


def floats(draw, *shape):
    bits = draw(
        st.lists(st.integers(0, 2**64 - 1), min_size=int(np.prod(shape)), max_size=int(np.prod(shape)))
    )
    return np.array(bits, dtype=np.uint64).view(np.float64).reshape(shape)


def flags(draw, n):
    return np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)), dtype=np.bool_)


@st.composite
def replies(draw):
    n, task = draw(st.integers(0, 3)), draw(st.sampled_from(["multiclass", "multilabel", "regression"]))
    label = {
        "multiclass": st.none() | st.sampled_from((*CLASSES, "a node above")),
        "multilabel": st.lists(st.sampled_from(CLASSES), unique=True).map(tuple),
        "regression": st.floats(allow_nan=False),
    }[task]
    sets = st.lists(st.lists(st.sampled_from(CLASSES), unique=True).map(tuple), min_size=n, max_size=n)
    decisions = Decisions(
        labels=tuple(draw(st.lists(label, min_size=n, max_size=n))),
        confidence=draw(st.none() | st.just(floats(draw, n))),
        abstained=flags(draw, n),
        sets=draw(st.none() | sets.map(tuple)),
        low=draw(st.none() | st.just(floats(draw, n))),
        high=draw(st.none() | st.just(floats(draw, n))),
    )
    k = 1 if task == "regression" else len(CLASSES)
    width = draw(st.none() | st.sampled_from([1, 3]))
    embedding = None if width is None else floats(draw, n, width).astype(np.float32)
    return task, Reply(floats(draw, n, k), decisions, flags(draw, n), embedding)


def as_bytes(array):
    return None if array is None else (array.dtype.str, array.shape, array.tobytes())


@settings(max_examples=60)
@given(replies(), st.integers(0, 2**32 - 1), st.floats(0, 1e3), st.integers(0, 16))
def test_a_reply_is_read_as_it_was_given(drawn, number, seconds, batch_rows):
    task, reply = drawn
    codec = ReplyCodec(task, CLASSES)
    frame = codec.encode(Answered(reply, seconds, batch_rows), number)
    answered = codec.decode(frame)
    assert (kind_of(frame), number_of(frame)) == (REPLY, number)
    assert (answered.seconds, answered.batch_rows) == (seconds, batch_rows)
    assert answered.reply.decisions.labels == reply.decisions.labels
    assert answered.reply.decisions.sets == reply.decisions.sets
    for name in ("probs", "escalated", "embedding"):
        assert as_bytes(getattr(answered.reply, name)) == as_bytes(getattr(reply, name))
    for name in ("confidence", "abstained", "low", "high"):
        assert as_bytes(getattr(answered.reply.decisions, name)) == as_bytes(getattr(reply.decisions, name))
