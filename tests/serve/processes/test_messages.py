"""Messages over a stream: whole or not at all."""

from __future__ import annotations

import asyncio
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smallcraft.errors import IntegrityError
from smallcraft.serve.processes.messages import (
    Channel,
    MessageCutter,
    encode_message,
    receive_message,
    send_message,
)

values = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers())
messages = st.dictionaries(st.text(), values)


@settings(max_examples=50)
@given(st.lists(messages), st.lists(st.integers(1, 30), min_size=1))
def test_messages_come_out_as_they_went_in_however_the_stream_was_cut(sent, cuts):
    stream, cutter, found, place = b"".join(map(encode_message, sent)), MessageCutter(), [], 0
    while place < len(stream):
        for cut in cuts:
            found += cutter.feed(stream[place : place + cut])
            place += cut
    assert found == sent


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\n", b"\0\0\0\2[]", b"\0\0\0\3abc", b"\0\0\0\1\xff"])
def test_what_is_no_message_is_refused(said):
    with pytest.raises(IntegrityError):
        MessageCutter().feed(said)


def test_a_blocking_end_sends_receives_and_notices_the_end():
    one, other = socket.socketpair()
    with one, other:
        send_message(one, {"a": "x" * 200_000})
        assert receive_message(other) == {"a": "x" * 200_000}
        one.sendall(encode_message({"b": 1})[:-2])
        one.close()
        assert receive_message(other) is None


def test_a_channel_hears_tells_and_hangs_up_on_strangers():
    async def play():
        loop = asyncio.get_running_loop()
        one, other = socket.socketpair()
        heard, lost = [], []
        _, channel = await loop.create_connection(
            lambda: Channel(lambda message, _: heard.append(message), lost.append), sock=one
        )
        with other:
            other.setblocking(False)
            assert channel.is_open
            await loop.sock_sendall(other, encode_message({"n": 1}) + encode_message({"n": 2}))
            channel.send({"told": True})
            assert MessageCutter().feed(await loop.sock_recv(other, 1000)) == [{"told": True}]
            while len(heard) < 2:
                await asyncio.sleep(0.005)
            await loop.sock_sendall(other, b"GET / HTTP/1.1\r\n")
            while not lost:
                await asyncio.sleep(0.005)
            assert lost == [channel]
            assert not channel.is_open
            channel.send({"told": "nobody"})
        return heard

    assert asyncio.run(play()) == [{"n": 1}, {"n": 2}]
