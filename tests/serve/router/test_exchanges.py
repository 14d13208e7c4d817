"""One request that has come whole, for an application that knows it and for one that speaks plain ASGI."""

from __future__ import annotations

import asyncio

import pytest

from smallcraft.serve.protocol.messages import Message, json_message
from smallcraft.serve.router.exchanges import Exchange, response_bytes


class Sender:
    """A connection that keeps what it was given."""

    def __init__(self) -> None:
        self.sent: list[Message] = []

    def send_reply(self, exchange, message) -> None:
        self.sent.append(message)


@pytest.fixture
def sender():
    return Sender()


@pytest.fixture
def exchange(sender):
    return Exchange(sender, {"type": "http", "method": "POST"})


def test_a_request_has_one_reply(exchange, sender):
    first = json_message({"n": 1})
    exchange.reply(first)
    exchange.reply(json_message({"n": 2}))
    exchange.leave()
    assert sender.sent == [first]
    assert exchange.is_done
    assert not exchange.is_gone


def test_a_client_that_has_gone_is_told_nothing_and_its_going_is_told_once(exchange, sender):
    gone = []
    exchange.on_gone = lambda: gone.append(1)
    exchange.leave()
    exchange.leave()
    exchange.reply(json_message({}))
    assert gone == [1]
    assert sender.sent == []


def test_a_plain_application_reads_the_body_at_once_and_then_that_the_client_went(exchange):
    exchange.body = bytearray(b"abc")

    async def play():
        first = await exchange.receive()
        waiting = asyncio.ensure_future(exchange.receive())
        await asyncio.sleep(0)
        assert not waiting.done()
        exchange.leave()
        return first, await waiting, await exchange.receive()

    first, second, third = asyncio.run(play())
    assert first == {"type": "http.request", "body": b"abc", "more_body": False}
    assert second == third == {"type": "http.disconnect"}


def test_a_plain_applications_reply_is_sent_when_it_is_whole(exchange, sender):
    async def play():
        await exchange.send({"type": "http.response.start", "status": 201, "headers": [(b"x", b"y")]})
        await exchange.send({"type": "http.response.body", "body": b"ab", "more_body": True})
        assert sender.sent == []
        await exchange.send({"type": "http.response.body", "body": b"c"})

    asyncio.run(play())
    assert sender.sent == [Message(201, [(b"x", b"y"), (b"content-length", b"3")], b"abc")]


@pytest.mark.parametrize(("is_last", "is_head"), [(True, False), (False, True), (False, False)])
def test_a_reply_goes_over_the_wire_as_http_has_it(is_last, is_head):
    message = Message(503, [(b"content-length", b"2"), (b"retry-after", b"1")], b"{}")
    raw = response_bytes(message, [(b"date", b"now")], is_last=is_last, is_head=is_head)
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[:4] == [
        b"HTTP/1.1 503 Service Unavailable",
        b"date: now",
        b"content-length: 2",
        b"retry-after: 1",
    ]
    assert head.endswith(b"connection: close") is is_last
    assert body == (b"" if is_head else b"{}")
