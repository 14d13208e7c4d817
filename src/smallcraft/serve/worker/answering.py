"""A batch of questions to frames, whoever carries them: a worker's sockets, or a replica of Ray Serve.

Leaves to others: which questions are a batch (`worker.batching`), where frames go (`worker.loop`,
`serve.ray.replica`).
Always: each question of a batch has one frame in return; a question that breaks the model spoils no other of
its batch; the batch is in the black box before its first row is answered.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from smallcraft.bundle.inputs import Inputs
from smallcraft.errors import InvalidInputError
from smallcraft.serve.questions import ModelFacts, Reply
from smallcraft.serve.worker.asking import read_rows
from smallcraft.serve.worker.batching import Batch, Waiting
from smallcraft.serve.worker.blackbox import BlackBox
from smallcraft.serve.worker.frames import EXPIRED, FAILED, REFUSED, short_frame
from smallcraft.serve.worker.replying import Answered, ReplyCodec

Source = TypeVar("Source")
Send = Callable[[Source, bytes], None]


class Model(Protocol):
    """What a worker has loaded."""

    @property
    def heads(self) -> Mapping[str, ModelFacts]:
        """Facts by head, the model's own under the empty name."""

    def answer_many(self, head: str, questions: Sequence[Inputs]) -> list[Reply]:
        """Replies in the order of the questions."""


class BatchAnswerer:
    """Answers batches with a model.

    Args:
        model: What answers.
        box: Where it notes what it is at.
    """

    def __init__(self, model: Model, box: BlackBox) -> None:
        self._model = model
        self._box = box
        self._codecs = {head: ReplyCodec(facts.task, facts.classes) for head, facts in model.heads.items()}

    def answer(self, batch: Batch[Source], send: Send[Source]) -> None:
        """Answer a batch.

        Args:
            batch: Off the queue.
            send: Given the source of each question, and the frame for it.
        """
        for late in batch.expired:
            send(late.source, short_frame(EXPIRED, late.asked.number))
        if batch.taken:
            self._answer(batch.taken, batch.rows, send)
            self._box.end()

    def _answer(self, taken: list[Waiting[Source]], rows: int, send: Send[Source]) -> None:
        """Answer some together; where that fails, each alone, so that one alone fails."""
        began = time.monotonic()
        self._box.begin([waiting.asked.fingerprint for waiting in taken], now=began)
        head = taken[0].asked.head
        try:
            spec = self._model.heads[head].spec
            replies = self._model.answer_many(head, [read_rows(waiting.asked, spec) for waiting in taken])
        except Exception as error:  # noqa: BLE001 - a model may fail in any way; the worker goes on
            if len(taken) > 1:
                for waiting in taken:
                    self._answer([waiting], waiting.asked.rows, send)
            else:
                send(taken[0].source, _told(error, taken[0].asked.number))
            return
        each = (time.monotonic() - began) / max(rows, 1)
        codec, batch_rows = self._codecs[head], rows
        for waiting, reply in zip(taken, replies, strict=True):
            answered = Answered(reply, each * waiting.asked.rows, batch_rows)
            send(waiting.source, codec.encode(answered, waiting.asked.number))
            batch_rows = 0


def _told(error: Exception, number: int) -> bytes:
    if isinstance(error, InvalidInputError):
        return short_frame(REFUSED, number, str(error))
    return short_frame(FAILED, number, f"{type(error).__name__}: {error}")
