"""Replies come out whole, however their bytes are cut."""

from __future__ import annotations

import pytest
from benchmarks.serving.messages import BrokenReplyError, ReplyReader, Target, request_bytes
from hypothesis import given
from hypothesis import strategies as st

bodies = st.binary(max_size=300)
cuts = st.lists(st.integers(min_value=1, max_value=40), min_size=1, max_size=60)


def with_length(body):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Arm: canary\r\n\r\n" % len(body) + body


def in_chunks(body):
    half = len(body) // 2
    chunks = b"".join(b"%X;x=1\r\n%b\r\n" % (len(part), part) for part in (body[:half], body[half:]) if part)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Arm: canary\r\n\r\n" + chunks + b"0\r\n\r\n"


def fed_in_pieces(whole, sizes):
    reader, found, place = ReplyReader(), [], 0
    for number in range(len(whole)):
        size = sizes[number % len(sizes)]
        reply = reader.feed(whole[place : place + size])
        while reply is not None:
            found.append(reply)
            reply = reader.feed(b"")
        place += size
        if place >= len(whole):
            break
    assert not reader.holds_some
    return found


@pytest.mark.parametrize("written", [with_length, in_chunks])
@given(sent=st.lists(bodies, min_size=1, max_size=4), sizes=cuts)
def test_replies_are_the_same_however_they_are_cut(written, sent, sizes):
    found = fed_in_pieces(b"".join(map(written, sent)), sizes)
    assert [(reply.status, reply.body) for reply in found] == [(200, body) for body in sent]
    assert {reply.header(b"x-arm") for reply in found} == {b"canary"}


def test_an_interim_reply_is_passed_over_and_one_without_a_body_is_whole():
    reader = ReplyReader()
    reply = reader.feed(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
    assert (reply.status, reply.body, reader.holds_some) == (204, b"", False)


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-5\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 20_000,
    ],
)
def test_bytes_that_are_no_reply_are_refused(data):
    with pytest.raises(BrokenReplyError):
        ReplyReader().feed(data)


def test_trailers_belong_to_the_reply():
    whole = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx: y\r\n\r\n"
    reader = ReplyReader()
    assert reader.feed(whole[:-1]) is None
    assert reader.feed(whole[-1:]).body == b"a"
    assert not reader.holds_some


def test_a_request_says_how_long_it_is_and_what_the_caller_adds():
    made = request_bytes("/p", b"{}", headers={"X-Key": "k", "Content-Type": "text/plain"})
    head, _, body = made.partition(b"\r\n\r\n")
    assert body == b"{}"
    assert head.split(b"\r\n")[0] == b"POST /p HTTP/1.1"
    assert {b"content-length: 2", b"x-key: k", b"content-type: text/plain"} <= set(head.split(b"\r\n"))


@pytest.mark.parametrize("host", ["10.0.0.1", "example.org", "0.0.0.0", ""])
def test_a_target_that_is_not_on_this_machine_is_refused(host):
    with pytest.raises(ValueError, match="must be on the loopback"):
        Target(host, 80)


def test_a_target_is_read_from_its_address():
    assert Target.of("http://localhost:81") == Target("localhost", 81)
    assert Target.of("http://[::1]:81") == Target("::1", 81)
    assert Target.of("unix:/tmp/x.sock") == Target(path="/tmp/x.sock")
