"""A question as a frame: numbers raw, texts as UTF-8 with their lengths.

Always: the rows that are decoded equal those encoded, bit by bit, NaN and missing included; numbers are not
copied (they are a read-only view of the frame).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.inputs import Inputs, InputSpec
from smallcraft.errors import IntegrityError
from smallcraft.serve.questions import Question
from smallcraft.serve.worker.frames import ASK, PREFIX

# The prefix; rows, bytes of the head's name, whether alone; deadline, fingerprint.
_HEADER = struct.Struct("<IIIIHHdQ")
_NUMBER_BYTES = 8
_MISSING = -1


class Asked(NamedTuple):
    """A question as a worker finds it; its rows stay unread until they are answered.

    Attributes:
        number: The router's for it, unique on its connection while it is open.
        head: Which head it is for; empty for the model's own.
        rows: How many rows it has.
        deadline: Monotonic seconds after which nobody waits for the answer.
        fingerprint: 64-bit hash of the request.
        is_alone: Whether it must not be batched with others: it may be what killed a worker.
        frame: All of it.
    """

    number: int
    head: str
    rows: int
    deadline: float
    fingerprint: int
    is_alone: bool
    frame: bytes


def ask_frame(
    question: Question, number: int, *, deadline: float, fingerprint: int, is_alone: bool = False
) -> bytes:
    """A question as an ASK frame.

    Args:
        question: What is asked.
        number: The router's for it, below 2^32.
        deadline: Monotonic seconds.
        fingerprint: 64-bit hash of the request.
        is_alone: Whether it must not be batched.
    """
    inputs = question.inputs
    head = question.head.encode()
    parts = [head, bytes(-len(head) % _NUMBER_BYTES), inputs.numbers.tobytes()]
    if inputs.texts is not None:
        parts += _encode_texts(inputs.texts)
    for column in inputs.categories:
        parts += _encode_texts(column)
    size = _HEADER.size - PREFIX.size + sum(map(len, parts))
    header = _HEADER.pack(size, number, ASK, inputs.n, len(head), is_alone, deadline, fingerprint)
    return b"".join((header, *parts))


def read_asked(frame: bytes) -> Asked:
    """The head of an ASK frame."""
    _, number, _, rows, head_bytes, is_alone, deadline, fingerprint = _HEADER.unpack_from(frame)
    head = frame[_HEADER.size : _HEADER.size + head_bytes].decode() if head_bytes else ""
    return Asked(number, head, rows, deadline, fingerprint, bool(is_alone), frame)


def read_rows(asked: Asked, spec: InputSpec) -> Inputs:
    """The rows of a question.

    Args:
        asked: The question.
        spec: The columns of its head.

    Raises:
        IntegrityError: They are not those columns.
    """
    frame, n, p = asked.frame, asked.rows, len(spec.numbers)
    place = _HEADER.size
    if asked.head:
        head_bytes = len(asked.head.encode())
        place += head_bytes + -head_bytes % _NUMBER_BYTES
    try:
        numbers: NDArray[np.float64] = np.ndarray((n, p), np.float64, frame, place)
        place += numbers.nbytes
        texts: list[str] | None = None
        if spec.text is not None:
            column, place = _decode_texts(frame, n, place)
            texts = [text or "" for text in column]
        categories = []
        for _ in spec.categories:
            column, place = _decode_texts(frame, n, place)
            categories.append(column)
    except (TypeError, ValueError, struct.error) as error:
        raise _misfit(asked, spec) from error
    if place != len(frame):
        raise _misfit(asked, spec)
    return Inputs(n, texts, numbers, tuple(categories))


def _encode_texts(texts: Sequence[str | None]) -> list[bytes]:
    if len(texts) == 1 and texts[0] is not None:
        encoded = texts[0].encode()
        return [len(encoded).to_bytes(4, "little"), encoded]
    parts = [b"" if text is None else text.encode() for text in texts]
    pairs = zip(texts, parts, strict=True)
    lengths = [_MISSING if text is None else len(part) for text, part in pairs]
    return [np.array(lengths, dtype=np.int32).tobytes(), *parts]


def _decode_texts(frame: bytes, n: int, place: int) -> tuple[list[str | None], int]:
    lengths: NDArray[np.int32] = np.frombuffer(frame, "<i4", n, place)
    place += lengths.nbytes
    texts: list[str | None] = []
    for length in lengths.tolist():
        if length < 0:
            texts.append(None)
            continue
        texts.append(frame[place : place + length].decode())
        place += length
    return texts, place


def _misfit(asked: Asked, spec: InputSpec) -> IntegrityError:
    return IntegrityError(
        f"a question of {asked.rows} rows must hold {len(spec.names)} columns, got {len(asked.frame)} bytes "
        "that are no such rows; both ends must serve one bundle: restart the server"
    )
