"""Children of the supervisor: started, heard, ended; their ends are told once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from smallcraft.serve.processes.children import Backoff, Child, memory_of

ECHO = """
import os, signal
from smallcraft.serve.processes.control import take_control
from smallcraft.serve.processes.messages import receive_message, send_message
signal.signal(signal.SIGTERM, signal.SIG_IGN)
control = take_control()
while (message := receive_message(control)) is not None:
    send_message(control, {**message, "session": os.getsid(0), "pid": os.getpid()})
"""


def command(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


async def until(is_true) -> None:
    while not is_true():
        await asyncio.sleep(0.005)


def test_a_child_is_heard_and_its_end_is_told_once():
    async def play():
        heard, ended = [], []
        child = Child(command(ECHO), on_message=heard.append, on_end=ended.append)
        child.send({"n": 1})
        await until(lambda: heard)
        child.send({"n": 2})
        await until(lambda: len(heard) == 2)
        assert [message["n"] for message in heard] == [1, 2]
        # A terminal's signals reach sessions of its own alone.
        assert heard[0]["session"] == heard[0]["pid"] == child.pid
        assert child.is_running
        # It does not want to end.
        child.stop(within_s=0.1)
        await until(lambda: ended)
        assert ended == [child]
        assert child.code == -signal.SIGKILL
        assert not child.is_running
        child.signal(signal.SIGKILL)
        child.send({"n": 3})
        await asyncio.sleep(0.05)
        assert ended == [child]

    asyncio.run(play())


def test_a_child_that_ends_by_itself_is_told_with_its_code():
    async def play():
        ended = []
        child = Child(command("raise SystemExit(7)"), on_message=print, on_end=ended.append)
        await until(lambda: ended)
        return child.code

    assert asyncio.run(play()) == 7


def test_a_child_keeps_the_descriptors_that_it_is_given():
    async def play():
        reading, writing = os.pipe()
        ended = []
        Child(
            command(f"import os; os.write({writing}, b'here')"),
            on_message=print,
            on_end=ended.append,
            keep=(writing,),
        )
        await until(lambda: ended)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            return pipe.read()

    assert asyncio.run(play()) == b"here"


def test_memory_is_what_the_kernel_says():
    size = memory_of(os.getpid())
    assert size is not None
    assert size > 1 << 20
    assert memory_of(2**22 + 1) is None


def test_what_keeps_failing_is_tried_more_and_more_seldom():
    backoff = Backoff(0.1, 1.0, forget_s=60.0)
    assert [backoff.wait_s(0.0) for _ in range(6)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    assert backoff.wait_s(61.0) == 0.1
    assert backoff.wait_s(0.0) == 0.2
