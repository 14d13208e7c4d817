"""The routers of a supervisor: as many as wanted, each life with a name of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time

from smallcraft.serve.loading.source import ModelSource
from smallcraft.serve.processes.routers import Routers
from smallcraft.serve.processes.settings import ServeSettings, WorkerLimits

# Says what it was told, and goes on until it is ended.
ECHO = """
from smallcraft.serve.processes.control import take_control
from smallcraft.serve.processes.messages import receive_message, send_message
control = take_control()
while (message := receive_message(control)) is not None:
    send_message(control, {"kind": "heard", "message": message})
"""
DIES = "raise SystemExit(1)"


@contextlib.asynccontextmanager
async def routers(tmp_path, code: str = ECHO, **settings):
    heard, ended = [], []
    told = ServeSettings(
        models=(ModelSource("m", "1", tmp_path, "sha256:1"),),
        state=tmp_path,
        router_command=(sys.executable, "-c", code),
        **settings,
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Routers(
            told,
            tmp_path,
            listener=listener.fileno(),
            boot="r9",
            welcome=lambda: [{"kind": "assignment", "model": "m"}],
            on_message=lambda life, message: heard.append((life, message["message"])),
            on_end=lambda life, box: ended.append(life),
        )
        made.heard, made.ended = heard, ended
        try:
            yield made
        finally:
            made.kill()
            await until(lambda: not made.is_running)


async def until(is_true) -> None:
    end = time.monotonic() + 60
    while not is_true():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


def test_each_router_is_given_its_order_and_what_a_new_one_must_know(tmp_path):
    async def play():
        async with routers(tmp_path, routers=2) as made:
            made.start()
            await until(lambda: len(made.heard) == 4)
            orders = [message for _, message in made.heard if "listener" in message]
            assert sorted(order["router"] for order in orders) == ["r9-1", "r9-2"]
            assert len({order["box"] for order in orders}) == 2
            assert sum(message.get("kind") == "assignment" for _, message in made.heard) == 2
            made.tell({"kind": "news"})
            await until(lambda: sum(message.get("kind") == "news" for _, message in made.heard) == 2)
            assert not made.is_ready
            for life in made.lives:
                made.followed(life)
            assert made.is_ready

    asyncio.run(play())


def test_a_router_that_ends_is_started_again_under_another_name(tmp_path):
    async def play():
        async with routers(tmp_path) as made:
            made.start()
            await until(lambda: made.heard)
            first = made.lives[0]
            made.followed(first)
            os.kill(first.child.pid, signal.SIGKILL)
            await until(lambda: made.ended and made.lives)
            assert made.ended == [first]
            assert made.lives[0].name == "r9-2"
            assert made.failures == 0

    asyncio.run(play())


def test_routers_that_end_before_they_follow_are_counted(tmp_path):
    async def play():
        async with routers(tmp_path, DIES) as made:
            made.start()
            await until(lambda: made.failures >= 3)

    asyncio.run(play())


def test_a_router_that_has_grown_goes_when_another_one_is_ready(tmp_path):
    async def play():
        async with routers(tmp_path, workers=WorkerLimits(memory_bytes=1)) as made:
            made.start()
            await until(lambda: made.heard)
            first = made.lives[0]
            made.followed(first)
            made.look()
            made.look()
            assert len(made.lives) == 2
            await until(lambda: len(made.heard) == 4)
            assert first.child.is_running
            made.followed(made.lives[1])
            await until(lambda: made.ended)
            assert [life.name for life in made.lives] == ["r9-2"]

    asyncio.run(play())


def test_routers_that_are_stopped_stay_stopped(tmp_path):
    async def play():
        async with routers(tmp_path) as made:
            made.start()
            await until(lambda: made.heard)
            made.stop()
            await until(lambda: not made.is_running)
            await asyncio.sleep(0.1)
            assert made.lives == ()

    asyncio.run(play())
