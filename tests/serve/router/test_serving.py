"""A router process: it accepts when it can answer, drains when told, and outlives its supervisor a while."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.serve.router.scenes import contender, digest_of
from tests.serve.running import row, until
from tests.serve.worker_threads import numbers_answerer, worker_thread

from smallcraft.serve.metrics.shipment import from_message
from smallcraft.serve.processes.messages import receive_message, send_message
from smallcraft.serve.processes.whereabouts import Whereabouts, write_whereabouts
from smallcraft.serve.rollout.assignment import Assignment
from smallcraft.serve.router.connections import HttpLimits
from smallcraft.serve.router.desk import Patience
from smallcraft.serve.router.serving import Router, RouterOrder, read_order, write_order
from smallcraft.serve.tracing import TraceSettings
from smallcraft.serve.windows.settings import WindowSettings


@pytest.fixture(scope="module")
def answerer(tmp_path_factory):
    return numbers_answerer(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def worker(tmp_path, answerer):
    with worker_thread(tmp_path, answerer) as worker:
        yield worker


class RouterProcess:
    """A router, and the supervisor's end of its socket."""

    def __init__(self, order: RouterOrder, listener: socket.socket) -> None:
        self.port = listener.getsockname()[1]
        self.control, theirs = socket.socketpair()
        self.control.settimeout(60)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "smallcraft.serve.router"],
                stdin=theirs,
                pass_fds=(listener.fileno(),),
                env=dict(os.environ),
            )
        send_message(self.control, write_order(order))

    def say(self, **message: object) -> None:
        send_message(self.control, message)

    def until(self, kind: str):
        while (message := receive_message(self.control)) is not None:
            if message["kind"] == kind:
                return message
        raise AssertionError(f"no {kind}")

    def ask(self) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        body = json.dumps(row()).encode()
        client.sendall(
            b"POST /v2/models/m/infer HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
        )
        return client


@pytest.fixture
def router(tmp_path, worker):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        order = RouterOrder("r1", listener.fileno(), ("m",), tmp_path, tmp_path / "r.box", orphan_s=2.0)
        router = RouterProcess(order, listener)
    yield router
    router.process.kill()
    router.process.wait()
    router.control.close()


def lead(router: RouterProcess, worker) -> None:
    assert router.until("hello")["router"] == "r1"
    told = Assignment(1, contender(worker), rollout="ro", step=1, salt="salt")
    reach = {digest_of(worker): {"socket": str(worker.path), "box": str(worker.box), "source": None}}
    router.say(kind="assignment", model="m", assignment=told.to_message(), reach=reach)
    router.until("following")


def test_an_order_is_read_as_it_was_written(tmp_path):
    order = RouterOrder(
        "r1",
        7,
        ("m", "n"),
        tmp_path,
        tmp_path / "box",
        HttpLimits(body_bytes=5),
        Patience(3.0, 1.0),
        tokens=("a" * 16,),
    )
    traced = replace(order, tracing=TraceSettings("http://127.0.0.1:4318/v1/traces", 0.5))
    for told in (order, traced, replace(order, windows=WindowSettings(Path("/w"), segment="region"))):
        assert read_order(json.loads(json.dumps(write_order(told)))) == told


def test_a_router_accepts_when_it_can_answer_and_tells_what_it_counted_last(router, worker):
    # Before it follows anything a client waits in the queue of the socket.
    with router.ask() as client:
        lead(router, worker)
        assert client.recv(1 << 16).startswith(b"HTTP/1.1 200")
    router.process.send_signal(signal.SIGTERM)
    counted, sequence = 0, 0
    while not counted:
        shipment = from_message(router.until("counts")["shipment"])
        sequence = shipment.sequence
        counted = sum(int(step.counts.requests.sum()) for step in shipment.steps)
        router.say(kind="counted", sequence=sequence)
    assert counted == 1
    until(lambda: router.process.poll() is not None)


def test_who_waits_at_the_door_when_the_router_ends_is_let_in(tmp_path):
    async def play():
        control, theirs = socket.socketpair()
        with control, theirs, socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            order = RouterOrder("r1", listener.fileno(), ("m",), tmp_path, tmp_path / "r.box")
            router = Router(order, theirs)
            router.config.load()
            router.lifespan = router.config.lifespan_class(router.config)
            clients = [await asyncio.open_connection(*listener.getsockname()) for _ in range(3)]
            for _, writer in clients:
                writer.write(b"GET /v2/health/live HTTP/1.1\r\n\r\n")
            await router._let_in_the_rest([listener])
            for reader, writer in clients:
                assert (await reader.readline()).startswith(b"HTTP/1.1 200")
                writer.close()
                await writer.wait_closed()
            while router.server_state.connections:
                await asyncio.sleep(0.005)

    asyncio.run(play())


def test_a_router_whose_supervisor_is_gone_serves_on_and_then_ends(router, worker):
    lead(router, worker)
    router.control.close()
    began = time.monotonic()
    with router.ask() as client:
        assert client.recv(1 << 16).startswith(b"HTTP/1.1 200")
    until(lambda: router.process.poll() is not None)
    assert time.monotonic() - began >= 1.5


def test_a_router_whose_supervisor_is_gone_finds_the_next_one_and_tells_it_what_it_counted(
    router, worker, tmp_path
):
    lead(router, worker)
    run = tmp_path / "run"
    run.mkdir()
    where = Whereabouts(os.getpid(), str(run), "127.0.0.1", 1)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(where.control))
        listener.listen()
        listener.settimeout(60)
        write_whereabouts(tmp_path, where)
        router.control.close()
        with router.ask() as client:
            assert client.recv(1 << 16).startswith(b"HTTP/1.1 200")
        connection, _ = listener.accept()
        connection.settimeout(60)
        with connection:
            hello = receive_message(connection)
            assert (hello["kind"], hello["orphan"]) == ("hello", True)
            counted = 0
            while not counted:
                message = receive_message(connection)
                shipment = from_message(message["shipment"])
                counted = sum(int(step.counts.requests.sum()) for step in shipment.steps)
                send_message(connection, {"kind": "counted", "sequence": shipment.sequence})
            send_message(connection, {"kind": "drain"})
            until(lambda: router.process.poll() is not None)


def test_a_router_without_a_supervisor_from_the_beginning_ends(router):
    router.control.close()
    until(lambda: router.process.poll() is not None)
    assert router.process.returncode != 0
