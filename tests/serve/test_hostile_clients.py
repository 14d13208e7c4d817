"""Clients that mean no good, and more of them than there is room for: a server that serves on."""

from __future__ import annotations

import json
import socket
import threading

import pytest
from benchmarks.serving.hostile import ALLOWED, Hostility, Victim, run_hostile
from benchmarks.serving.messages import Target, request_bytes
from tests.serve.running import Running, row, running, sources, until

from smallcraft.serve.processes.children import memory_of
from smallcraft.serve.router.connections import HttpLimits
from smallcraft.serve.router.desk import Patience

INFER = "/v2/models/m/infer"


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    return sources(tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def server(tmp_path_factory, releases):
    limits = HttpLimits(request_s=0.3, reply_s=1.0)
    faults = {"1": {"slow_s": 0.002}}
    with running(
        tmp_path_factory.mktemp("server"),
        releases[:1],
        faults=faults,
        http=limits,
        open_requests=16,
        patience=Patience(answer_s=2.0, canary_s=1.0),
    ) as server:
        yield server


def test_hostile_clients_end_as_a_good_server_ends_them_and_good_ones_are_answered(server: Running):
    request = request_bytes(INFER, json.dumps(row()).encode())
    victim = Victim(Target(port=server.port), INFER, request)
    plan = Hostility(seconds=4.0, at_once=8, patience_s=20.0, seed=4)
    with server.load(connections=2) as load:
        report = run_hostile(victim, plan)
        good = load.stop()
    assert report.unexpected == {}
    assert {kind for kind, ends in report.ends.items() if ends} == set(ALLOWED)
    assert set(good.ends) == {"200"}
    # All that they held is given back.
    until(lambda: server.ask(row()).status == 200)


def test_a_crowd_is_told_to_come_back_and_those_who_were_let_in_are_answered(server: Running):
    with server.load(connections=64) as load:
        until(lambda: load.so_far().n > 600)
        report = load.stop()
    assert set(report.ends) == {"200", "503"}
    # No queue grows: who is answered is answered soon.
    answered = report.statuses == 200
    assert report.latency_ms(99, among=answered) < 2000
    counted = b'smallcraft_refusals_total{reason="overload"}'
    until(lambda: counted in server.ask(path="/metrics").body)
    assert server.ask(row()).status == 200


def test_what_clients_left_is_not_worked_on(server: Running):
    body = json.dumps({"inputs": [{**row()["inputs"][0], "shape": [40, 4], "data": [0.1] * 160}]}).encode()
    raw = request_bytes(INFER, body)

    def leave() -> None:
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
            client.sendall(raw)

    threads = [threading.Thread(target=leave) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    def gone() -> float:
        page = server.ask(path="/metrics").body.decode()
        line = next(line for line in page.splitlines() if line.startswith("smallcraft_clients_gone_total"))
        return float(line.split()[1])

    until(lambda: gone() > 0)
    assert server.ask(row()).status == 200


def test_memory_of_the_router_does_not_grow_with_refused_requests(server: Running):
    [router] = server.order("status")["routers"]
    large = b"POST /v2/models/m/infer HTTP/1.1\r\ncontent-length: 9999999\r\n\r\n"

    def refuse(count: int) -> None:
        for _ in range(count):
            with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
                client.sendall(large)
                assert client.recv(1000).startswith(b"HTTP/1.1 413")

    refuse(50)
    before = memory_of(router)
    refuse(300)
    until(lambda: memory_of(router) < before * 1.05, within_s=20.0)
