"""A few clients of a server, that ask one question after the other until they are told to stop.

Always: a question that fails is counted, and not asked again.
Not covered: measuring a server; see `benchmarks/serving` of the repository.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from smallcraft.errors import SmallcraftError

_PATIENCE_S = 30.0
_FINE = 200


@dataclass(frozen=True)
class Answered:
    """What clients saw.

    Attributes:
        by_release: How many answers each release gave.
        failed: Questions without an answer.
    """

    by_release: dict[str, int]
    failed: int

    @property
    def n(self) -> int:
        """How many were asked."""
        return sum(self.by_release.values()) + self.failed


@dataclass(frozen=True)
class Reply:
    """One answer of a server, from which release, and how sure it is."""

    label: str
    confidence: float
    release: str


def ask_once(host: str, port: int, text: str) -> Reply:
    """Ask one question.

    Args:
        host: Of the server.
        port: Of the server.
        text: The message.

    Raises:
        SmallcraftError: It gave no answer.
    """
    connection = http.client.HTTPConnection(host, port, timeout=_PATIENCE_S)
    try:
        connection.request("POST", "/predict", _body(text), {"content-type": "application/json"})
        reply = connection.getresponse()
        told = reply.read()
        if reply.status != _FINE:
            raise SmallcraftError(f"{host}:{port} answered {reply.status}: {told.decode(errors='replace')}")
        found = json.loads(told)
    except (OSError, http.client.HTTPException) as error:
        raise SmallcraftError(f"{host}:{port} gave no answer ({error}); is it still there?") from error
    finally:
        connection.close()
    return Reply(str(found["label"]), float(found["confidence"]), str(found["release"]))


class Clients:
    """Threads that ask, from `with` to its end, or from `start` to `stop`.

    Args:
        host: Of the server.
        port: Of the server.
        texts: Are asked in turns.
        at_once: How many clients.
    """

    def __init__(self, host: str, port: int, texts: Sequence[str], *, at_once: int = 4) -> None:
        self._address = (host, port)
        self._bodies = [_body(text) for text in texts]
        self._is_over = threading.Event()
        self._seen = [Counter[str]() for _ in range(at_once)]
        self._threads = [
            threading.Thread(target=self._ask, args=(place,), daemon=True) for place in range(at_once)
        ]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to ask."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask no more, and wait for what is under way."""
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def so_far(self) -> Answered:
        """What they have seen by now."""
        seen = sum((counter.copy() for counter in self._seen), Counter[str]())
        failed = seen.pop("", 0)
        return Answered(dict(seen), failed)

    def _ask(self, place: int) -> None:
        seen, number = self._seen[place], place
        connection = http.client.HTTPConnection(*self._address, timeout=_PATIENCE_S)
        while not self._is_over.is_set():
            number += len(self._threads)
            try:
                seen[_ask(connection, self._bodies[number % len(self._bodies)])] += 1
            except (OSError, http.client.HTTPException):
                seen[""] += 1
                connection.close()
        connection.close()


def _body(text: str) -> bytes:
    return json.dumps({"text": text}).encode()


def _ask(connection: http.client.HTTPConnection, body: bytes) -> str:
    """The release that answered; empty for none."""
    connection.request("POST", "/predict", body, {"content-type": "application/json"})
    reply = connection.getresponse()
    told = reply.read()
    return str(json.loads(told)["release"]) if reply.status == _FINE else ""
