"""Answered requests, gathered column by column: what is to be profiled is copied out at once.

So no request is held: the memory of thousands of them is cold, looked through by the collector again and
again, and costs a server more than their profiles do.
Leaves to others: how many are gathered (`windows.buffer`), what is measured of rows (`data.profiles`).
Always: every row is in one table; a request's latency is counted once, where its first row is.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.data.profiles.profile import EVERYTHING, SliceName
from smallcraft.data.profiles.rows import AnswerRows, Rows
from smallcraft.records import Label
from smallcraft.serve.router.asking import Given

_MS = 1000.0
_DOUBLE, _FLOAT = 8, 4


class Columns:
    """What clients were given by one release, or a head of it; filled in one thread.

    Args:
        first: Its first answer, which tells what the others will have.

    Attributes:
        interface: Of the release, or its head.
        n: Rows.
        size: Bytes, about.
    """

    def __init__(self, first: Given) -> None:
        self.interface = first.interface
        self.n = self.size = 0
        self._left_out: Counter[str] = Counter()
        facts, reply = first.interface.facts, first.answered.reply
        self._has_margin = facts.task == "multiclass"
        self._has_stages = facts.has_stages
        # These are the request's own, so its body counts where there are any.
        self._has_strings = facts.spec.text is not None or bool(facts.spec.categories)
        self._width = 0 if reply.embedding is None else reply.embedding.shape[1]
        probs = len(facts.classes) if self._has_margin else 0
        # Beside them confidence, seconds, label and segment.
        self._row_bytes = _DOUBLE * (len(facts.spec.names) + probs + 4) + _FLOAT * self._width
        # Of a request, where its first row is; NaN in others.
        self._seconds = array("d")
        # None where all rows are of one.
        self._segments: list[str] = []
        self._labels: list[Label] = []
        self._texts: list[str] = []
        self._categories: tuple[list[str | None], ...] = tuple([] for _ in facts.spec.categories)
        self._numbers, self._probs, self._confidence = bytearray(), bytearray(), bytearray()
        self._escalated, self._embedding = bytearray(), bytearray()

    def append(self, given: Given, segments: Sequence[str] | None, *, body_bytes: int, seconds: float) -> int:
        """Copy what is to be profiled of a request.

        Args:
            given: The request, and what was said to it.
            segments: Of each row; None where all are of one, always.
            body_bytes: Of the request; its texts are part of it.
            seconds: How long the client waited.

        Returns:
            By how much `size` grew.
        """
        inputs, reply = given.question.inputs, given.answered.reply
        n, confidence = inputs.n, reply.decisions.confidence
        size = n * self._row_bytes + (body_bytes if self._has_strings else 0)
        if segments is not None:
            self._segments += segments
        self._labels += reply.decisions.labels
        self._numbers += inputs.numbers.tobytes()
        if inputs.texts is not None:
            self._texts += inputs.texts
        if inputs.categories:
            for column, values in zip(self._categories, inputs.categories, strict=True):
                column += values
        if self._has_margin:
            self._probs += reply.probs.tobytes()
        if confidence is not None:
            self._confidence += confidence.tobytes()
        if self._has_stages:
            self._escalated += reply.escalated.tobytes()
        if self._width:
            self._embedding += self._embedded(reply.embedding, n)
        self._seconds.append(seconds)
        if n > 1:
            self._seconds.extend([math.nan] * (n - 1))
        self.n += n
        self.size += size
        return size

    def leave_out(self, n: int, segments: Iterable[str] | None) -> None:
        """Count rows only.

        Args:
            n: How many.
            segments: Of each; None where all are of one.
        """
        if segments is None:
            self._left_out[EVERYTHING] += n
        else:
            self._left_out.update(segments)

    def keep_some(self, rng: np.random.Generator) -> None:
        """Leave out requests at the toss of a coin each, all rows of one together."""
        if not self.n:
            return
        is_first = ~np.isnan(self._seconds)
        request = np.cumsum(is_first) - 1
        is_kept = rng.integers(0, 2, request[-1] + 1, dtype=np.bool_)[request]
        kept = int(is_kept.sum())
        here, gone = is_kept.tolist(), (~is_kept).tolist()
        self.leave_out(self.n - kept, compress(self._segments, gone) if self._segments else None)
        lists: tuple[list[Any], ...] = (self._segments, self._labels, self._texts, *self._categories)
        for column in lists:
            column[:] = compress(column, here)
        for buffer in (self._numbers, self._probs, self._confidence, self._escalated, self._embedding):
            buffer[:] = np.frombuffer(buffer, np.uint8).reshape(self.n, -1)[is_kept].tobytes()
        self._seconds = array("d", compress(self._seconds, here))
        self.n, self.size = kept, self.size * kept // self.n

    @property
    def left_out(self) -> dict[SliceName, int]:
        """How many rows came that are not here."""
        return {self._slice(name): count for name, count in self._left_out.items()}

    def tables(self) -> dict[SliceName, Rows]:
        """The rows that are here, by release and segment."""
        if not self.n:
            return {}
        rows, milliseconds = self._all_rows(), _MS * np.frombuffer(self._seconds)
        is_first = ~np.isnan(milliseconds)
        codes = {name: code for code, name in enumerate(dict.fromkeys(self._segments or [EVERYTHING]))}
        if len(codes) == 1:
            return {self._slice(name): replace(rows, latency_ms=milliseconds[is_first]) for name in codes}
        segment = np.array([codes[name] for name in self._segments])
        return {
            self._slice(name): replace(
                rows.take(np.flatnonzero(segment == code)),
                latency_ms=milliseconds[is_first & (segment == code)],
            )
            for name, code in codes.items()
        }

    def _slice(self, segment: str) -> SliceName:
        return SliceName(self.interface.facts.label, segment)

    def _embedded(self, embedding: NDArray[np.float32] | None, n: int) -> bytes:
        """As bytes; a worker that was started without windows gives none."""
        if embedding is None or embedding.shape[1] != self._width:
            return np.full((n, self._width), np.nan, np.float32).tobytes()
        return embedding.tobytes()

    def _all_rows(self) -> Rows:
        """All rows, without what belongs to requests."""
        spec, n = self.interface.facts.spec, self.n
        numbers = np.frombuffer(self._numbers).reshape(n, -1)
        embedding = np.frombuffer(self._embedding, np.float32).reshape(n, -1)
        return Rows(
            n=n,
            numbers=dict(zip(spec.numbers, np.ascontiguousarray(numbers.T), strict=True)),
            categories=dict(zip(spec.categories, self._categories, strict=True)),
            texts={} if spec.text is None else {spec.text: self._texts},
            embedding=embedding if self._width else None,
            answers=self._answers(),
        )

    def _answers(self) -> AnswerRows:
        return AnswerRows(
            labels=self._labels,
            confidence=np.frombuffer(self._confidence) if self._confidence else None,
            probs=np.frombuffer(self._probs).reshape(self.n, -1) if self._has_margin else None,
            escalated=np.frombuffer(self._escalated, np.bool_) if self._has_stages else None,
            task=self.interface.facts.task,
        )
