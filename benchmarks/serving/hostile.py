"""Clients that nobody wants: slow, oversized, malformed, out of turn, gone before the reply.

Leaves counting the good clients' replies to `benchmarks.serving.load`, which runs beside.
Always: bounded: an attempt sends no more than `MOST_BYTES`, waits no longer than its patience, and there are
no more of them at once, and in all, than the plan says. Only servers on the loopback can be a target.
Covered: what each attempt ended with, and whether a good server may end it so (`ALLOWED`).
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from benchmarks.serving.messages import BrokenReplyError, ReplyReader, Target
from benchmarks.serving.wrong_requests import bad_heads, malformed_binary, malformed_json

MOST_BYTES = 4 << 20
MOST_PATIENCE_S = 60.0
_PIECE = bytes(64 << 10)
_OVER = 10 << 20
_SAY = 0.3  # seconds between two bytes of a slow client
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: the connection is reset

# How an attempt ended where there was no reply.
CLOSED, RESET, TOLERATED, LEFT, REFUSED = "closed", "reset", "tolerated", "left", "refused"
SLOW = frozenset({"says_nothing", "slow_head", "slow_body"})
_CLOSES = frozenset({CLOSED, RESET})
_REFUSES = frozenset({"400", "408", "411", "413", "414", "415", "422", "431", "501", "505"})
ALLOWED: Mapping[str, frozenset[str]] = {
    "says_nothing": _CLOSES | {"408"},
    "slow_head": _CLOSES | {"408"},
    "slow_body": _CLOSES | {"408"},
    "oversized": _CLOSES | {"413"},
    "oversized_in_chunks": _CLOSES | {"413"},
    "endless_head": _CLOSES | _REFUSES,
    "bad_head": _CLOSES | _REFUSES,
    "malformed_json": frozenset({"400"}),
    "malformed_binary": frozenset({"400"}),
    "garbage_behind": _CLOSES | {"200"} | _REFUSES,
    "leaves_in_request": frozenset({LEFT}),
    "leaves_before_reply": frozenset({LEFT}),
}


@dataclass(frozen=True)
class Victim:
    """A server and what it answers.

    Attributes:
        target: Where it listens.
        path: Of the protocol's `infer`.
        request: A whole request that it answers with 200.
    """

    target: Target
    path: str
    request: bytes


@dataclass(frozen=True)
class Hostility:
    """How much.

    Attributes:
        seconds: How long.
        attempts: At most.
        at_once: Clients; the first half of them make the slow kinds, where there are others too.
        pause_s: Of a client between two attempts.
        patience_s: How long a slow one goes on before it says that it was tolerated.
        seed: Of what they send.
        kinds: Which, of `ALLOWED`.
    """

    seconds: float = 30.0
    attempts: int = 100_000
    at_once: int = 8
    pause_s: float = 0.02
    patience_s: float = 20.0
    seed: int = 0
    kinds: Sequence[str] = tuple(ALLOWED)


@dataclass(frozen=True)
class HostileReport:
    """Kind of attempt, to how it ended, to how often."""

    ends: Mapping[str, Mapping[str, int]]

    @property
    def n(self) -> int:
        """Attempts."""
        return sum(sum(counts.values()) for counts in self.ends.values())

    @property
    def unexpected(self) -> Mapping[str, Mapping[str, int]]:
        """What a good server would not have done."""
        found = {
            kind: {end: count for end, count in counts.items() if end not in ALLOWED[kind]}
            for kind, counts in self.ends.items()
        }
        return {kind: ends for kind, ends in found.items() if ends}


def run_hostile(victim: Victim, plan: Hostility) -> HostileReport:
    """Every kind in turn, by several clients at once, until the time is over."""
    return asyncio.run(_all_clients(victim, plan))


async def _all_clients(victim: Victim, plan: Hostility) -> HostileReport:
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in plan.kinds}
    until, left = time.monotonic() + plan.seconds, iter(range(plan.attempts))
    slow = [kind for kind in plan.kinds if kind in SLOW]
    quick = [kind for kind in plan.kinds if kind not in SLOW]

    async def client(number: int) -> None:
        rng = random.Random(plan.seed + number)
        of_half = slow if number < plan.at_once // 2 else quick
        kinds = of_half if of_half and plan.at_once > 1 else plan.kinds
        for kind, _ in zip(cycle(kinds), left, strict=False):
            if time.monotonic() >= until:
                return
            attempt = _Attempt(victim, rng, min(plan.patience_s, MOST_PATIENCE_S))
            counts[kind][await attempt.make(kind)] += 1
            await asyncio.sleep(plan.pause_s)

    await asyncio.gather(*(client(number) for number in range(plan.at_once)))
    return HostileReport({kind: dict(ends) for kind, ends in counts.items()})


class _Attempt:
    """One connection by a client that means no good."""

    def __init__(self, victim: Victim, rng: random.Random, patience_s: float) -> None:
        self.victim, self.rng, self.patience_s = victim, rng, patience_s
        self._sent = 0

    async def make(self, kind: str) -> str:
        """How it ended: a status, or one of the words above."""
        target = self.victim.target
        try:
            opening = (
                asyncio.open_unix_connection(target.path)
                if target.path
                else asyncio.open_connection(target.host, target.port)
            )
            async with asyncio.timeout(self.patience_s):
                self.reader, self.writer = await opening
        except OSError:
            return REFUSED
        try:
            async with asyncio.timeout(self.patience_s):
                return await _KINDS[kind](self)
        except TimeoutError:
            return TOLERATED
        except ConnectionError:
            return RESET
        finally:
            self.writer.transport.abort()

    async def say(self, data: bytes) -> None:
        """Send, as long as the server takes it and no more than is allowed."""
        self._sent += len(data)
        if self._sent <= MOST_BYTES:
            self.writer.write(data)
            await self.writer.drain()

    async def hear(self) -> str:
        """The status of the next reply, or how the connection ended."""
        replies = ReplyReader()
        while data := await self.reader.read(65536):
            try:
                reply = replies.feed(data)
            except BrokenReplyError:
                return "no HTTP reply"
            if reply is not None:
                return str(reply.status)
        return CLOSED

    async def say_while_hearing(self, pieces: Callable[[], Awaitable[None]]) -> str:
        """Until the server has had enough."""
        saying = asyncio.ensure_future(pieces())
        try:
            return await self.hear()
        finally:
            saying.cancel()
            await asyncio.gather(saying, return_exceptions=True)

    def leave(self) -> str:
        """Reset the connection."""
        plain: Any = self.writer.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.writer.transport.abort()
        return LEFT

    def head(self, *lines: str) -> bytes:
        """Of a request to `infer`."""
        first = (f"POST {self.victim.path} HTTP/1.1", "host: 127.0.0.1", "content-type: application/json")
        return "\r\n".join((*first, *lines)).encode() + b"\r\n\r\n"


async def _say_nothing(attempt: _Attempt) -> str:
    return await attempt.hear()


async def _slow_head(attempt: _Attempt) -> str:
    async def say() -> None:
        await attempt.say(f"POST {attempt.victim.path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-slow: ".encode())
        while True:
            await attempt.say(b"a")
            await asyncio.sleep(_SAY)

    return await attempt.say_while_hearing(say)


async def _slow_body(attempt: _Attempt) -> str:
    async def say() -> None:
        await attempt.say(attempt.head("content-length: 1000"))
        while True:
            await attempt.say(b" ")
            await asyncio.sleep(_SAY)

    return await attempt.say_while_hearing(say)


async def _oversized(attempt: _Attempt) -> str:
    async def say() -> None:
        await attempt.say(attempt.head(f"content-length: {_OVER}"))
        for _ in range(_OVER // len(_PIECE)):
            await attempt.say(_PIECE)

    return await attempt.say_while_hearing(say)


async def _oversized_in_chunks(attempt: _Attempt) -> str:
    async def say() -> None:
        await attempt.say(attempt.head("transfer-encoding: chunked"))
        for _ in range(_OVER // len(_PIECE)):
            await attempt.say(b"%x\r\n%b\r\n" % (len(_PIECE), _PIECE))

    return await attempt.say_while_hearing(say)


async def _endless_head(attempt: _Attempt) -> str:
    async def say() -> None:
        await attempt.say(b"GET /v2 HTTP/1.1\r\nhost: 127.0.0.1\r\n")
        for number in range(20_000):
            await attempt.say(b"x-header-%d: %b\r\n" % (number, b"v" * 100))

    return await attempt.say_while_hearing(say)


async def _bad_head(attempt: _Attempt) -> str:
    await attempt.say(attempt.rng.choice(bad_heads(attempt.victim.path)))
    return await attempt.hear()


async def _malformed_json(attempt: _Attempt) -> str:
    await attempt.say(attempt.rng.choice(malformed_json(attempt.victim.path)))
    return await attempt.hear()


async def _malformed_binary(attempt: _Attempt) -> str:
    await attempt.say(attempt.rng.choice(malformed_binary(attempt.victim.path)))
    return await attempt.hear()


async def _garbage_behind(attempt: _Attempt) -> str:
    """A good request, and at once what is none."""
    await attempt.say(attempt.victim.request + attempt.rng.randbytes(500) + b"\r\n\r\n")
    return await attempt.hear()


async def _leave_in_request(attempt: _Attempt) -> str:
    whole = attempt.victim.request
    await attempt.say(whole[: attempt.rng.randrange(1, len(whole))])
    return attempt.leave()


async def _leave_before_reply(attempt: _Attempt) -> str:
    await attempt.say(attempt.victim.request)
    await asyncio.sleep(attempt.rng.choice((0.0, 0.0005, 0.002)))
    return attempt.leave()


_KINDS: Mapping[str, Callable[[_Attempt], Awaitable[str]]] = {
    "says_nothing": _say_nothing,
    "slow_head": _slow_head,
    "slow_body": _slow_body,
    "oversized": _oversized,
    "oversized_in_chunks": _oversized_in_chunks,
    "endless_head": _endless_head,
    "bad_head": _bad_head,
    "malformed_json": _malformed_json,
    "malformed_binary": _malformed_binary,
    "garbage_behind": _garbage_behind,
    "leaves_in_request": _leave_in_request,
    "leaves_before_reply": _leave_before_reply,
}
