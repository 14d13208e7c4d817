"""A worker's end of a link: it never waits for a router, and never loses a byte."""

from __future__ import annotations

import socket

import pytest

from smallcraft.serve.worker.connections import Connection
from smallcraft.serve.worker.frames import FAILED, PREFIX, short_frame


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with theirs:
        connection = Connection(ours)
        yield connection, theirs
        connection.close()


def test_frames_that_have_arrived_are_received_at_once(pair):
    connection, router = pair
    assert connection.receive() == []
    frames = [short_frame(FAILED, number, "x" * number) for number in range(5)]
    router.sendall(b"".join(frames))
    assert connection.receive() == frames


def test_a_router_that_does_not_read_is_not_waited_for(pair):
    connection, router = pair
    frame = short_frame(FAILED, 1, "x" * (4 << 20))
    assert not connection.send(frame)
    assert not connection.send(frame)
    assert connection.has_unsent
    router.setblocking(False)
    got = bytearray()
    while connection.has_unsent or len(got) < 2 * len(frame):
        got += router.recv(1 << 20)
        connection.flush()
    assert bytes(got) == frame + frame
    assert connection.send(short_frame(FAILED, 2))


def test_a_router_that_never_reads_is_taken_for_gone(pair):
    connection, _ = pair
    for _ in range(12):
        connection.send(short_frame(FAILED, 1, "x" * (8 << 20)))
    assert not connection.is_open


def test_a_router_that_is_gone_closes_the_connection(pair):
    connection, router = pair
    router.close()
    assert connection.receive() == []
    assert not connection.is_open
    connection.send(short_frame(FAILED, 1))


def test_bytes_that_are_no_frames_close_the_connection(pair):
    connection, router = pair
    router.sendall(PREFIX.pack(2**32 - 1, 1, FAILED))
    connection.receive()
    assert not connection.is_open
