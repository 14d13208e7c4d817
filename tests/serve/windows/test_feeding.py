"""Feeding beside requests: turns in time, windows by the wall clock, nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from types import SimpleNamespace

import pytest
from tests.serve.windows.answered import numbers_told
from tests.serve.windows.collected import collected, together
from tests.serve.worker_threads import numbers_answerer

from smallcraft.data.profiles.profile import SliceName
from smallcraft.serve.windows import feeding
from smallcraft.serve.windows.feeding import Feeding
from smallcraft.serve.windows.settings import WindowSettings

NAME = SliceName("m@1")


@pytest.fixture(scope="module")
def answerer(tmp_path_factory):
    return numbers_answerer(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def settings(tmp_path):
    return WindowSettings(tmp_path / "windows", seconds=60, flush_s=0.02)


@pytest.fixture
def wall(monkeypatch):
    """The wall clock, which stands where a test puts it."""
    clock = SimpleNamespace(now_s=120.0)
    clock.time = lambda: clock.now_s
    monkeypatch.setattr(feeding, "time", clock)
    return clock


@pytest.fixture(autouse=True)
def switching():
    usual = sys.getswitchinterval()
    yield
    sys.setswitchinterval(usual)


@contextlib.asynccontextmanager
async def fed(settings):
    made = Feeding(settings)
    task = asyncio.get_running_loop().create_task(made.feed())
    try:
        yield made
    finally:
        task.cancel()
        await made.finish()


async def until(is_true):
    async with asyncio.timeout(30):
        while not is_true():
            await asyncio.sleep(0.005)


def files(settings, suffix):
    return list(settings.folder.glob(f"*{suffix}"))


def counts(settings):
    return {span.start_s: slices[NAME].profile.n for span, slices in collected(settings.folder).items()}


def test_what_is_answered_is_noted_in_turns_and_at_the_end(settings, answerer, wall):
    async def play():
        async with fed(settings) as made:
            made.buffer.answered(*numbers_told(answerer))
            await until(lambda: files(settings, ".open"))
            size = files(settings, ".open")[0].stat().st_size
            for _ in range(3):
                made.buffer.answered(*numbers_told(answerer))
            await until(lambda: files(settings, ".open")[0].stat().st_size > size)
            for _ in range(2):
                made.buffer.answered(*numbers_told(answerer))

    asyncio.run(play())
    assert counts(settings) == {120: 6}
    assert not files(settings, ".open")


def test_a_window_is_sealed_when_the_clock_says_so_though_nothing_comes(settings, answerer, wall):
    async def play():
        async with fed(settings) as made:
            made.buffer.answered(*numbers_told(answerer))
            await until(lambda: files(settings, ".open"))
            wall.now_s = 180.0
            await until(lambda: files(settings, ".part"))
            assert not files(settings, ".open")
            # Set back: the window that is open takes it; the sealed one is not opened again.
            wall.now_s = 130.0
            made.buffer.answered(*numbers_told(answerer))
            await until(lambda: files(settings, ".open"))
            # Far ahead: closed early.
            wall.now_s = 100_000.0
            await until(lambda: len(files(settings, ".part")) == 2)

    asyncio.run(play())
    assert counts(settings) == {120: 1, 180: 1}


def test_a_turn_comes_at_the_border_of_two_windows(settings, wall):
    made = Feeding(WindowSettings(settings.folder, seconds=60, flush_s=10.0))
    assert made._pause_s() == 10.0
    wall.now_s = 178.5
    assert made._pause_s() == 1.5
    wall.now_s = 179.9999
    assert made._pause_s() == 0.01
    # Late, or set back by hours: no window ends, and no turn follows the other without a pause.
    wall.now_s = 190.0
    assert made._pause_s() == 10.0


def test_more_than_may_be_profiled_is_counted(settings, answerer, wall, monkeypatch):
    told = numbers_told(answerer)
    rare = WindowSettings(settings.folder, seconds=60, flush_s=60.0, rows_per_second=10)
    monkeypatch.setattr(feeding, "_READY_ROWS", 20)

    async def play():
        async with fed(rare) as made:
            for _ in range(20):
                made.buffer.answered(*told)
            # Worth a turn, so it comes at once; the next one only when two seconds are over.
            await until(lambda: files(settings, ".open"))
            for _ in range(100):
                made.buffer.answered(*told)

    asyncio.run(play())
    profile = together(settings.folder)[NAME].profile
    assert profile.came == 120
    assert 20 < profile.n <= 60


def test_a_turn_that_breaks_is_told_and_the_next_one_comes(settings, answerer, wall, monkeypatch, caplog):
    async def play():
        async with fed(settings) as made:
            write = made._writer.write

            def broken(start_s, taken):
                if taken:
                    monkeypatch.setattr(made._writer, "write", write)
                    raise RuntimeError("broken")

            monkeypatch.setattr(made._writer, "write", broken)
            made.buffer.answered(*numbers_told(answerer))
            await until(lambda: "a window was not written" in caplog.text)
            made.buffer.answered(*numbers_told(answerer))
            await until(lambda: files(settings, ".open"))

    with caplog.at_level(logging.ERROR, "smallcraft.serve"):
        asyncio.run(play())
    assert counts(settings) == {120: 1}
