"""HTTP connections over real sockets: what a client may do, and what becomes of one that does more."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time

import pytest
from tests.serve.http_threads import Front, front, listen
from tests.serve.running import until

from smallcraft.serve.protocol.messages import json_message
from smallcraft.serve.router.exchanges import EXCHANGE

HEAD = b"POST /%s HTTP/1.1\r\nhost: a\r\n"


class Echo:
    """Answers with what it got; at `/hold` when it may go on."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        self.started: list[str] = []
        self.gone: list[str] = []

    async def __call__(self, scope, receive, send):
        path = scope["path"]
        self.started.append(path)
        exchange = scope["extensions"][EXCHANGE]
        exchange.on_gone = lambda: self.gone.append(path)
        if path.startswith("/hold"):
            while not self.may_go_on.is_set():
                await asyncio.sleep(0.005)
        size = int(scope["query_string"] or 0)
        exchange.reply(json_message({"path": path, "body": len(exchange.body), "pad": "x" * size}))


@pytest.fixture(scope="module")
def quick():
    app = Echo()
    limits = {"request_s": 0.4, "reply_s": 0.4, "idle_s": 0.4, "body_bytes": 100_000, "header_bytes": 4096}
    with front(app, **limits) as served:
        yield served


def post(path: str, body: bytes = b"", *more: bytes) -> bytes:
    lines = b"".join(line + b"\r\n" for line in more)
    return HEAD % path.encode() + b"content-length: %d\r\n" % len(body) + lines + b"\r\n" + body


def replies(heard: bytes) -> list[tuple[int, dict]]:
    """Status and JSON of each reply."""
    found = []
    while heard:
        head, _, heard = heard.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        size = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length"))
        found.append((int(head.split()[1]), json.loads(heard[:size]) if size else {}))
        heard = heard[size:]
    return found


def error_of(heard: bytes) -> tuple[int, str]:
    [(status, content)] = replies(heard)
    return status, content["error"]


def test_requests_of_one_connection_are_answered_one_after_the_other(quick: Front):
    with quick.dial() as client:
        for number in range(3):
            client.sendall(post(f"a{number}", b"x" * number))
            assert json.loads(client.recv(1 << 16).partition(b"\r\n\r\n")[2])["body"] == number


def test_requests_that_come_together_are_answered_in_order(quick: Front):
    sent = [post(f"p{number}", b"x" * 10) for number in range(200)]
    heard = replies(quick.say(b"".join(sent) + post("last", b"", b"connection: close")))
    assert [content["path"] for _, content in heard] == [*(f"/p{number}" for number in range(200)), "/last"]


def test_a_request_in_pieces_is_a_request(quick: Front):
    whole = post("pieces", b"y" * 40, b"connection: close")
    with quick.dial() as client:
        for place in range(0, len(whole), 7):
            client.sendall(whole[place : place + 7])
        assert replies(listen(client))[0][1]["body"] == 40


def test_chunks_are_put_together(quick: Front):
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (b"a" * 100, b"b" * 70_000))
    sent = (
        HEAD % b"chunks" + b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n" + chunks + b"0\r\n\r\n"
    )
    assert replies(quick.say(sent))[0][1]["body"] == 70_100


def test_a_client_that_waits_to_be_told_to_go_on_is_told(quick: Front):
    with quick.dial() as client:
        client.sendall(
            HEAD % b"go" + b"expect: 100-continue\r\ncontent-length: 3\r\nconnection: close\r\n\r\n"
        )
        assert client.recv(100).startswith(b"HTTP/1.1 100")
        client.sendall(b"abc")
        assert replies(listen(client))[0][1]["body"] == 3


def test_head_is_answered_without_a_body(quick: Front):
    heard = quick.say(b"HEAD /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
    assert heard.endswith(b"\r\n\r\n")
    assert b"content-length: 33" in heard or b"content-length" in heard


def test_http_1_0_is_answered_and_hung_up_on(quick: Front):
    assert replies(quick.say(b"GET /old HTTP/1.0\r\n\r\n"))[0][1]["path"] == "/old"


@pytest.mark.parametrize("head", ["content-length: 100001", "content-length: 99999999999999999"])
def test_a_body_over_the_limit_is_refused_before_it_is_read(quick: Front, head):
    with quick.dial() as client:
        client.sendall(HEAD % b"large" + head.encode() + b"\r\n\r\n")
        status, error = error_of(listen(client))
    assert (status, "100000 bytes" in error) == (413, True)
    assert "/large" not in quick.server.config.app.started


def test_a_client_that_sends_a_large_body_all_the_same_can_read_why_it_is_refused(quick: Front):
    with quick.dial() as client:
        client.sendall(HEAD % b"large" + b"content-length: 4000000\r\n\r\n" + b"x" * 4_000_000)
        assert error_of(listen(client))[0] == 413


def test_a_body_in_chunks_over_the_limit_is_refused_while_it_is_read(quick: Front):
    with quick.dial() as client:
        client.sendall(HEAD % b"large" + b"transfer-encoding: chunked\r\n\r\n")
        client.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n10000\r\n" + b"x" * 0x10000 + b"\r\n")
        assert error_of(listen(client))[0] == 413


def test_headers_without_end_are_refused(quick: Front):
    with quick.dial() as client:
        client.sendall(HEAD % b"h" + b"".join(b"x-%d: y\r\n" % number for number in range(1000)))
        assert error_of(listen(client))[0] == 431


@pytest.mark.parametrize(
    "said", [b"hello\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/9.9\r\n\r\n", b"\0" * 50]
)
def test_what_is_no_http_is_told_so(quick: Front, said):
    assert error_of(quick.say(said))[0] == 400


def test_what_follows_a_good_request_and_is_none_spoils_only_itself(quick: Front):
    heard = replies(quick.say(post("good") + b"\xff\xfe garbage\r\n\r\n"))
    assert heard[0] == (200, {"path": "/good", "body": 0, "pad": ""})


def test_a_client_that_wants_another_protocol_is_answered_in_this_one_and_hung_up_on(quick: Front):
    asked = b"GET /up HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"
    assert replies(quick.say(asked + b"PRI * HTTP/2.0\r\n\r\n"))[0][1]["path"] == "/up"


@pytest.mark.parametrize(
    "said",
    [b"POST /s HTTP/1.1\r\nhost: a\r\n", HEAD % b"s" + b"content-length: 5\r\n\r\nab", b"P"],
    ids=["headers", "body", "first byte"],
)
def test_a_request_that_takes_too_long_is_refused(quick: Front, said):
    before = time.monotonic()
    status, error = error_of(quick.say(said))
    assert status == 408
    assert "within 0.4 s" in error
    assert time.monotonic() - before >= 0.4


def test_a_client_that_sends_a_byte_now_and_then_gets_no_more_time(quick: Front):
    with quick.dial() as client:
        client.sendall(b"POST /s HTTP/1.1\r\nx: ")
        until(lambda: quick.connections)
        began = time.monotonic()
        client.setblocking(False)
        heard = b""
        while not heard:
            with contextlib.suppress(BlockingIOError):
                client.send(b"a")
                heard = client.recv(1 << 16)
            time.sleep(0.02)
        assert error_of(heard)[0] == 408
        assert time.monotonic() - began < 30


def test_a_client_that_says_nothing_is_let_go(quick: Front):
    assert quick.say(b"") == b""


def test_a_connection_that_is_idle_is_let_go(quick: Front):
    with quick.dial() as client:
        client.sendall(post("once"))
        assert replies(listen(client))[0][0] == 200


def test_a_client_that_does_not_read_its_reply_is_let_go(quick: Front):
    with quick.dial() as client:
        client.sendall(post("big?30000000"))
        until(lambda: "/big" in quick.server.config.app.started)
        until(lambda: quick.connections == 0)


def test_a_client_that_goes_is_told_of(quick: Front):
    app = quick.server.config.app
    app.may_go_on.clear()
    client = quick.dial()
    client.sendall(post("hold-me"))
    until(lambda: "/hold-me" in app.started)
    client.close()
    until(lambda: "/hold-me" in app.gone)
    app.may_go_on.set()
    until(lambda: quick.connections == 0)


def test_refusals_are_told_in_a_word(quick: Front):
    quick.refused.clear()
    quick.say(b"hello\r\n\r\n")
    assert quick.refused == ["malformed"]


def test_beyond_so_many_connections_a_client_is_told_to_come_back():
    with front(Echo(), connections=2) as served:
        with served.dial() as one, served.dial() as other:
            for client in (one, other):
                client.sendall(post("in"))
                assert client.recv(1 << 16).startswith(b"HTTP/1.1 200")
            status, error = error_of(served.say(b""))
            assert status == 503
            assert "2 connections" in error
        until(lambda: served.connections == 0)
        assert replies(served.say(post("again", b"", b"connection: close")))[0][0] == 200


def test_memory_for_bodies_under_way_is_bounded():
    with front(Echo(), reading_bytes=500_000) as served:
        clients = [served.dial() for _ in range(2)]
        for client in clients:
            client.sendall(HEAD % b"l" + b"content-length: 200000\r\n\r\nx")
        until(lambda: served.rules.reading_bytes == 400_000)
        with served.dial() as third:
            third.sendall(HEAD % b"l" + b"content-length: 200000\r\n\r\nx")
            assert error_of(listen(third))[0] == 503
        for client in clients:
            client.sendall(b"x" * 199_999)
            assert client.recv(1 << 16).startswith(b"HTTP/1.1 200")
            client.close()
        assert served.rules.reading_bytes == 0


def test_a_client_whose_next_request_was_on_its_way_when_the_server_ends_is_answered_and_hung_up_on():
    with front(Echo()) as served, served.dial() as idle, served.dial() as client:
        client.sendall(post("first"))
        assert client.recv(1 << 16).startswith(b"HTTP/1.1 200")
        until(lambda: served.connections == 2)
        served.server.should_exit = True
        until(lambda: all(one._is_ending for one in served.server.server_state.connections))
        client.sendall(post("last"))
        heard = listen(client)
        assert replies(heard)[0][1]["path"] == "/last"
        assert b"connection: close" in heard
        # Who says nothing is not waited for.
        assert listen(idle) == b""


def test_requests_under_way_are_answered_when_the_server_ends():
    app = Echo()
    with front(app) as served:
        client = served.dial()
        client.sendall(post("hold-on"))
        until(lambda: "/hold-on" in app.started)
        served.server.should_exit = True
        until(lambda: served.server.should_exit)
        app.may_go_on.set()
        heard = listen(client)
        client.close()
    assert replies(heard)[0][1]["path"] == "/hold-on"
