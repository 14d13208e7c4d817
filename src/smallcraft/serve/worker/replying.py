"""A reply as a frame: probabilities and the rest as raw arrays, labels as their places among the classes.

Labels that are no class (a node above several) go as JSON.
Always: the reply that is decoded equals the one encoded, bit by bit.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from smallcraft.records import Decisions, Label, Task
from smallcraft.serve.questions import Reply
from smallcraft.serve.worker.frames import PREFIX, REPLY

# The prefix; rows, classes, rows of the batch; how labels are told, which optional arrays follow; seconds.
_HEADER = struct.Struct("<IIIIIIHHd")
_CODES, _LISTS, _VALUES, _JSON = 1, 2, 3, 4
_CONFIDENCE, _LOW, _HIGH, _SETS, _EMBEDDING = 1, 2, 4, 8, 16
_WIDTH = struct.Struct("<q")
_ABSTAINED = -1


class Answered(NamedTuple):
    """A reply as a router finds it; a tuple, since a frozen dataclass costs a microsecond more a request.

    Attributes:
        reply: What the model said.
        seconds: How long its worker worked on it, waiting left out; of a batch, its rows' share.
        batch_rows: Rows of the batch that it opened; 0 where it was in another's.
    """

    reply: Reply
    seconds: float
    batch_rows: int = 0


class ReplyCodec:
    """Replies of one head to frames and back.

    Args:
        task: What it answers with.
        classes: Its labels, in the order of the probabilities.
    """

    def __init__(self, task: Task, classes: Sequence[str]) -> None:
        self.task = task
        self.classes = tuple(classes)
        self.codes = {label: code for code, label in enumerate(self.classes)}

    def encode(self, answered: Answered, number: int) -> bytes:
        """A reply as a REPLY frame."""
        reply = answered.reply
        decisions, (n, k) = reply.decisions, reply.probs.shape
        flags, parts = 0, [reply.probs.tobytes()]
        for flag, numbers in (
            (_CONFIDENCE, decisions.confidence),
            (_LOW, decisions.low),
            (_HIGH, decisions.high),
        ):
            if numbers is not None:
                flags |= flag
                parts.append(numbers.tobytes())
        if reply.embedding is not None:
            flags |= _EMBEDDING
            parts += (_WIDTH.pack(reply.embedding.shape[1]), reply.embedding.tobytes())
        parts += (reply.escalated.tobytes(), decisions.abstained.tobytes())
        form = self._tell_labels(decisions.labels, parts)
        if decisions.sets is not None:
            flags |= _SETS
            self._tell_lists(decisions.sets, parts)
        size = _HEADER.size - PREFIX.size + sum(map(len, parts))
        told = (answered.batch_rows, form, flags, answered.seconds)
        return b"".join((_HEADER.pack(size, number, REPLY, n, k, *told), *parts))

    def decode(self, frame: bytes) -> Answered:
        """A REPLY frame as a reply; its arrays are read-only views of the frame."""
        _, _, _, n, k, batch_rows, form, flags, seconds = _HEADER.unpack_from(frame)
        place = _HEADER.size + 8 * n * k
        probs = np.ndarray((n, k), np.float64, frame, _HEADER.size)
        confidence = low = high = sets = embedding = None
        if flags & _CONFIDENCE:
            confidence, place = np.ndarray(n, np.float64, frame, place), place + 8 * n
        if flags & _LOW:
            low, place = np.ndarray(n, np.float64, frame, place), place + 8 * n
        if flags & _HIGH:
            high, place = np.ndarray(n, np.float64, frame, place), place + 8 * n
        if flags & _EMBEDDING:
            (width,), place = _WIDTH.unpack_from(frame, place), place + _WIDTH.size
            embedding, place = np.ndarray((n, width), np.float32, frame, place), place + 4 * n * width
        escalated = np.ndarray(n, np.bool_, frame, place)
        abstained = np.ndarray(n, np.bool_, frame, place + n)
        if form == _CODES and not flags & _SETS:
            # What is asked most: no more than the codes follows.
            codes, classes = struct.unpack_from(f"<{n}i", frame, place + 2 * n), self.classes
            labels: tuple[Label, ...] = tuple([None if code < 0 else classes[code] for code in codes])
        else:
            told = _Told(frame, place + 2 * n)
            labels = self._read_labels(told, form, n)
            if flags & _SETS:
                sets = self._read_lists(told, n)
        decisions = Decisions(labels, confidence, abstained, sets, low, high)
        return Answered(Reply(probs, decisions, escalated, embedding), seconds, batch_rows)

    def _tell_labels(self, labels: Sequence[Any], parts: list[bytes]) -> int:
        if self.task == "multiclass":
            codes = [_ABSTAINED if label is None else self.codes.get(label) for label in labels]
            if None not in codes:
                parts.append(struct.pack(f"<{len(codes)}i", *codes))
                return _CODES
        elif self.task == "multilabel" and None not in labels:
            self._tell_lists(labels, parts)
            return _LISTS
        elif self.task == "regression" and None not in labels:
            parts.append(struct.pack(f"<{len(labels)}d", *labels))
            return _VALUES
        text = json.dumps(labels).encode()
        parts += (struct.pack("<i", len(text)), text)
        return _JSON

    def _tell_lists(self, lists: Sequence[Sequence[str]], parts: list[bytes]) -> None:
        codes = [self.codes[label] for some in lists for label in some]
        parts.append(struct.pack(f"<{len(lists) + len(codes)}i", *map(len, lists), *codes))

    def _read_labels(self, told: _Told, form: int, n: int) -> tuple[Label, ...]:
        if form == _CODES:
            classes = self.classes
            return tuple([None if code < 0 else classes[code] for code in told.numbers(n)])
        if form == _LISTS:
            return self._read_lists(told, n)
        if form == _VALUES:
            return tuple(told.values(n))
        labels = json.loads(told.text(told.numbers(1)[0]))
        return tuple(tuple(label) if isinstance(label, list) else label for label in labels)

    def _read_lists(self, told: _Told, n: int) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(self.classes[code] for code in told.numbers(size)) for size in told.numbers(n))


class _Told:
    """What stands behind the arrays, read from front to back."""

    __slots__ = ("frame", "place")

    def __init__(self, frame: bytes, place: int) -> None:
        self.frame = frame
        self.place = place

    def numbers(self, count: int) -> tuple[int, ...]:
        self.place += 4 * count
        return struct.unpack_from(f"<{count}i", self.frame, self.place - 4 * count)

    def values(self, count: int) -> tuple[float, ...]:
        self.place += 8 * count
        return struct.unpack_from(f"<{count}d", self.frame, self.place - 8 * count)

    def text(self, size: int) -> bytes:
        self.place += size
        return self.frame[self.place - size : self.place]
