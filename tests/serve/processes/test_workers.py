"""A release's worker, kept running: real processes that are started, killed, grow and hang."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time

import pytest
from tests.serve.faulty_worker import FAULTS
from tests.serve.running import FAULTY, sources
from tests.serve.worker_threads import question

from smallcraft.serve.loading.limits import LoadLimits
from smallcraft.serve.processes.settings import WorkerLimits
from smallcraft.serve.processes.workers import WorkerSlot
from smallcraft.serve.router.links import WorkerLink, connect
from smallcraft.serve.worker.replying import Answered


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return sources(tmp_path_factory.mktemp("bundles"))[0]


class Watcher:
    """What was told, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def worker_ready(self, slot) -> None:
        self.told.append("ready")

    def worker_gone(self, slot) -> None:
        self.told.append("gone")

    def worker_died(self, slot, place, reason) -> None:
        self.told.append(reason)

    def worker_unloadable(self, slot, why) -> None:
        self.told.append(why)

    def worker_grew(self, slot, size_bytes) -> bool:
        self.told.append("grew")
        return True


@contextlib.asynccontextmanager
async def slot_of(release, run, monkeypatch, faults=None, **limits):
    monkeypatch.setenv(FAULTS, json.dumps({"1": faults or {}}))
    watcher = Watcher()
    slot = WorkerSlot(
        release,
        command=FAULTY,
        run=run,
        limits=WorkerLimits(restart_s=0.01, leave_s=5.0, **limits),
        loading=LoadLimits(),
        orphan_s=30.0,
        watcher=watcher,
    )
    try:
        yield slot, watcher
    finally:
        slot.kill()
        await until(lambda: not slot.is_running)


async def until(is_true) -> None:
    end = time.monotonic() + 60
    while not is_true():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


async def link_to(slot: WorkerSlot) -> WorkerLink:
    link = await connect(slot.place.socket, slot.place.box, lambda _: None)
    assert link is not None
    return link


async def ask(link: WorkerLink, first: float = 0.5):
    _, outcome = link.ask(question(first), fingerprint=1, deadline=time.monotonic() + 60)
    return await outcome


def test_a_worker_that_dies_is_told_and_started_again(tmp_path, release, monkeypatch):
    async def play():
        async with slot_of(release, tmp_path, monkeypatch) as (slot, watcher):
            assert slot.place is None
            await until(lambda: slot.place)
            [(pid, size)] = slot.readings()
            assert size > 1 << 20
            os.kill(pid, signal.SIGKILL)
            await until(lambda: len(watcher.told) == 4)
            assert watcher.told == ["ready", "gone", "crashed", "ready"]
            link = await link_to(slot)
            assert isinstance(await ask(link), Answered)
            slot.stop()
            await until(lambda: not slot.is_running)
            # It left in order, and told its routers.
            assert link.is_leaving
            assert watcher.told[4:] == []
            assert [path.suffix for path in tmp_path.iterdir() if path.suffix == ".sock"] == []

    asyncio.run(play())


def test_a_release_that_does_not_load_is_told_with_the_reason(tmp_path, release, monkeypatch):
    async def play():
        async with slot_of(release, tmp_path, monkeypatch, {"unloadable": True}) as (slot, watcher):
            await until(lambda: watcher.told)
            assert "it does not load" in watcher.told[0]
            slot.stop()
            assert slot.place is None

    asyncio.run(play())


def test_a_worker_that_grows_is_replaced_and_no_question_fails(tmp_path, release, monkeypatch):
    async def play():
        faults = {"leaks": 2 << 20}
        limits = {"memory_bytes": 160 << 20}
        async with slot_of(release, tmp_path, monkeypatch, faults, **limits) as (slot, watcher):
            await until(lambda: slot.place)
            first, links = slot.place, [await link_to(slot)]
            while slot.place is first:
                assert isinstance(await ask(links[0]), Answered)
                slot.look(time.monotonic())
                await asyncio.sleep(0.1 if "grew" in watcher.told else 0.0)
            assert watcher.told == ["ready", "grew", "ready"]
            links.append(await link_to(slot))
            assert isinstance(await ask(links[1]), Answered)
            # The old one says that it leaves, and goes when its routers have hung up.
            await until(lambda: links[0].is_leaving)
            await until(lambda: len(slot.readings()) == 1)

    asyncio.run(play())


def test_a_worker_that_stands_still_is_ended_and_started_again(tmp_path, release, monkeypatch):
    async def play():
        faults = {"hangs_after": 0}
        async with slot_of(release, tmp_path, monkeypatch, faults, batch_s=0.2) as (slot, watcher):
            await until(lambda: slot.place)
            link = await link_to(slot)
            asked = asyncio.ensure_future(ask(link, 9.0))
            while not asked.done():
                slot.look(time.monotonic())
                await asyncio.sleep(0.02)
            await until(lambda: len(watcher.told) == 4)
            assert watcher.told == ["ready", "gone", "hung", "ready"]

    asyncio.run(play())
