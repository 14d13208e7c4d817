"""Hostile clients do what they say, stay within their bounds, and tell a good server from a patient one."""

from __future__ import annotations

import asyncio
import json

import pytest
from benchmarks.serving.hostile import ALLOWED, MOST_BYTES, SLOW, Hostility, Victim, run_hostile
from benchmarks.serving.messages import Target, request_bytes
from benchmarks.serving.server_process import free_port
from benchmarks.serving.wrong_requests import bad_heads, malformed_binary, malformed_json

from benchmarks.serving import hostile

GOOD = request_bytes("/infer", b'{"inputs": []}')
HELD = 100_000


class Listener:
    """A real server that keeps what each connection sent, and answers as it is told."""

    def __init__(self, answer: bytes, *, is_patient: bool) -> None:
        self.answer, self.is_patient = answer, is_patient
        self.heard: list[int] = []
        self.at_once = self.most_at_once = 0

    async def talk(self, reader, writer):
        place = len(self.heard)
        self.heard.append(0)
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await self.listen(place, reader, writer)
        except ConnectionError:
            pass
        finally:
            self.at_once -= 1
            writer.transport.abort()

    async def listen(self, place, reader, writer):
        while data := await reader.read(65536):
            self.heard[place] += len(data)
            if self.is_patient:
                continue
            writer.write(self.answer)
            await writer.drain()
            writer.close()
            return


async def attack(listener: Listener, plan: Hostility):
    server = await asyncio.start_server(listener.talk, "127.0.0.1", 0)
    async with server:
        victim = Victim(Target(port=server.sockets[0].getsockname()[1]), "/infer", GOOD)
        report = await hostile._all_clients(victim, plan)
    await asyncio.sleep(0)
    return report


def test_every_kind_that_is_allowed_an_end_is_made():
    assert set(hostile._KINDS) == set(ALLOWED)
    assert set(ALLOWED) > SLOW


def test_a_server_that_refuses_everything_is_found_good_but_for_its_good_requests():
    listener = Listener(b"HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n", is_patient=False)
    plan = Hostility(seconds=60, attempts=24, at_once=1, pause_s=0, kinds=sorted(set(ALLOWED) - SLOW))
    report = asyncio.run(attack(listener, plan))
    assert report.n == 24
    assert report.ends["malformed_json"].keys() == {"400"}
    assert report.ends["leaves_before_reply"].keys() == {"left"}
    assert set(report.unexpected) <= {"oversized", "oversized_in_chunks"}  # which want 413


def test_a_patient_server_is_found_out_by_every_kind_that_should_be_refused():
    plan = Hostility(seconds=60, attempts=len(ALLOWED), at_once=1, pause_s=0, patience_s=0.4)
    listener = Listener(b"", is_patient=True)
    report = asyncio.run(attack(listener, plan))
    kinds = {kind for kind, ends in report.unexpected.items() if "tolerated" in ends}
    assert kinds == set(ALLOWED) - {"leaves_in_request", "leaves_before_reply"}


def test_no_attempt_sends_more_than_it_may_and_no_more_of_them_come_than_planned():
    kinds = ("oversized", "oversized_in_chunks", "endless_head")
    plan = Hostility(seconds=60, attempts=6, at_once=2, pause_s=0, patience_s=1.0, kinds=kinds)
    listener = Listener(b"", is_patient=True)
    report = asyncio.run(attack(listener, plan))
    assert report.n == len(listener.heard) == 6
    assert listener.most_at_once <= 2
    assert max(listener.heard) <= MOST_BYTES
    assert max(listener.heard) > HELD


def test_the_same_seed_sends_the_same():
    def heard(seed):
        plan = Hostility(
            seconds=60, attempts=8, at_once=1, pause_s=0, seed=seed, kinds=("bad_head", "malformed_json")
        )
        listener = Listener(b"HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n", is_patient=False)
        asyncio.run(attack(listener, plan))
        return listener.heard

    assert heard(1) == heard(1)


def test_a_server_that_is_not_there_refuses_everyone():
    victim = Victim(Target(port=free_port()), "/infer", GOOD)
    report = run_hostile(victim, Hostility(seconds=60, attempts=2, at_once=1, kinds=("bad_head",)))
    assert report.ends == {"bad_head": {"refused": 2}}
    assert report.unexpected == {"bad_head": {"refused": 2}}


@pytest.mark.parametrize("make", [bad_heads, malformed_json, malformed_binary])
def test_wrong_requests_are_many_and_each_another(make):
    found = make("/infer")
    assert len(found) == len(set(found)) > 8
    assert all(b"/infer" in request or make is bad_heads for request in found)


def test_malformed_json_is_whole_and_means_nothing():
    for request in malformed_json("/infer"):
        head, _, body = request.partition(b"\r\n\r\n")
        assert b"content-length: %d" % len(body) in head
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            continue
        assert not isinstance(found, dict) or not found.get("inputs") or "features" not in found
