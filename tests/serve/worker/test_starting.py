"""A worker process: it loads, listens and says so; or says why not."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from tests.serve.faulty_worker import FAULTS
from tests.serve.running import FAULTY, sources, until

from smallcraft.bundle.inputs import Inputs
from smallcraft.serve.loading.limits import LoadLimits
from smallcraft.serve.processes.messages import receive_message, send_message
from smallcraft.serve.questions import Question
from smallcraft.serve.worker.asking import ask_frame
from smallcraft.serve.worker.facts import read_heads
from smallcraft.serve.worker.frames import HELLO, LEAVING, REPLY, FrameCutter, kind_of
from smallcraft.serve.worker.starting import FAILED_TO_LOAD, WorkerOrder, read_order, write_order

PLAIN = (sys.executable, "-m", "smallcraft.serve.worker")


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return sources(tmp_path_factory.mktemp("bundles"))[0]


@pytest.fixture
def order(tmp_path, release):
    return WorkerOrder(release, LoadLimits(), tmp_path / "s", tmp_path / "box", leave_s=5.0, orphan_s=30.0)


@pytest.fixture
def start():
    started = []

    def begin(order: WorkerOrder, command=PLAIN, faults=None):
        ours, theirs = socket.socketpair()
        ours.settimeout(60)
        with theirs:
            environment = {**os.environ, FAULTS: json.dumps(faults or {})}
            worker = subprocess.Popen(command, stdin=theirs, env=environment, stderr=subprocess.DEVNULL)
        started.append((worker, ours))
        send_message(ours, write_order(order))
        return worker, ours

    yield begin
    for worker, ours in started:
        worker.kill()
        worker.wait()
        ours.close()


def connect(order: WorkerOrder) -> tuple[socket.socket, list[bytes]]:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(60)
    connection.connect(str(order.socket))
    return connection, FrameCutter().feed(connection.recv(1 << 16))


def question(number: int) -> bytes:
    return ask_frame(
        Question(Inputs(1, None, np.zeros((1, 4)), ())), number, deadline=float("inf"), fingerprint=number
    )


def test_an_order_is_read_as_it_was_written(order):
    for told in (order, replace(order, keeps_embeddings=True)):
        assert read_order(json.loads(json.dumps(write_order(told)))) == told


def test_a_worker_that_is_ready_can_be_asked_and_leaves_when_it_is_told(start, order):
    worker, ours = start(order)
    told = receive_message(ours)
    assert told["kind"] == "ready"
    assert read_heads(told)[""].label == "m@1"
    connection, frames = connect(order)
    with connection:
        assert kind_of(frames[0]) == HELLO
        connection.sendall(question(1))
        assert kind_of(FrameCutter().feed(connection.recv(1 << 16))[0]) == REPLY
        worker.send_signal(signal.SIGTERM)
        assert kind_of(FrameCutter().feed(connection.recv(1 << 16))[0]) == LEAVING
        assert worker.poll() is None
    assert worker.wait(60) == 0


@pytest.mark.parametrize(
    ("faults", "reason"),
    [
        ({"unloadable": True}, "it does not load"),
        ({"eats_memory": True}, "more memory than loading may take"),
    ],
)
def test_a_release_that_does_not_load_is_told_with_the_reason(start, order, faults, reason):
    order = replace(order, limits=LoadLimits(memory_bytes=512 << 20))
    worker, ours = start(order, FAULTY, {"1": faults})
    told = receive_message(ours)
    assert told["kind"] == "failed"
    assert reason in told["reason"]
    assert worker.wait(60) == FAILED_TO_LOAD


def test_another_bundle_than_was_recorded_is_refused(start, order, release):
    worker, ours = start(replace(order, source=replace(release, digest="sha256:" + "0" * 64)))
    assert receive_message(ours)["kind"] == "failed"
    assert worker.wait(60) == FAILED_TO_LOAD


def test_an_orphan_serves_its_routers_and_ends_with_the_last(start, order):
    worker, ours = start(order)
    assert receive_message(ours)["kind"] == "ready"
    connection, _ = connect(order)
    with connection:
        ours.close()
        connection.sendall(question(2))
        assert kind_of(FrameCutter().feed(connection.recv(1 << 16))[0]) == REPLY
        assert worker.poll() is None
    until(lambda: worker.poll() is not None)
