"""Requests that were answered, without a server: read, asked and put together as a router does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.serve.running import row

from smallcraft.serve.answering import Answerer
from smallcraft.serve.protocol.interface import ModelInterface, interface_of
from smallcraft.serve.protocol.opening import Opened, open_infer, open_predict
from smallcraft.serve.protocol.reading import read_question
from smallcraft.serve.router.asking import Given
from smallcraft.serve.windows.buffer import RowBuffer, Taken
from smallcraft.serve.windows.segments import Segments
from smallcraft.serve.worker.replying import Answered

ONE_SEGMENT = Segments(None, most=1)
_INTERFACES: dict[int, tuple[Answerer, ModelInterface]] = {}


class Told(NamedTuple):
    """What a buffer is told when a client has its answer."""

    given: Given
    opened: Opened
    seconds: float


def answered(answerer: Answerer, opened: Opened, seconds: float = 0.01) -> Told:
    """What a router knows when a client has its answer."""
    # Of an answerer there is one interface, as of a link.
    known = _INTERFACES.setdefault(id(answerer), (answerer, interface_of(answerer.heads[opened.head])))
    question = read_question(opened, known[1])
    reply = answerer.answer(question.inputs, question.head)
    return Told(Given(question, Answered(reply, seconds), known[1], "stable"), opened, seconds)


def numbers_told(answerer: Answerer, first: float = 0.5, *, seconds: float = 0.01, **more: Any) -> Told:
    """A request of one row of four numbers."""
    return answered(answerer, open_infer(json.dumps({**row(first), **more}).encode()), seconds)


def records_told(answerer: Answerer, *records: Mapping[str, Any], **more: Any) -> Told:
    """A request of whole records."""
    return answered(answerer, open_predict(json.dumps({"rows": records, **more}).encode()))


def taken(
    *told: Told, segments: Segments = ONE_SEGMENT, failed: tuple[str, ...] = (), left_out: int = 0
) -> Taken:
    """What a buffer gives that was told all this; rows of the first request's release are left out."""
    buffer = RowBuffer(most_rows=10_000, most_bytes=1 << 30, segments=segments, seed=(0,))
    for one in told:
        buffer.answered(*one)
    for release in failed:
        buffer.failed(release)
    found = buffer.take()
    if left_out:
        found.columns[0].leave_out(left_out, None)
    return found
