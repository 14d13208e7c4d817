"""The process of the pages: started at the socket, again when it ends, and gone with its server."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

from smallcraft.serve.processes.pages import PAGES_SOCKET, Pages

WRITES_ITS_PID = "import os, pathlib, sys; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); "
WAITS = WRITES_ITS_PID + "sys.stdin.buffer.raw.read()"
ENDS = WRITES_ITS_PID + "sys.exit(3)"


async def until(is_true):
    async with asyncio.timeout(60):
        while not is_true():
            await asyncio.sleep(0.01)


def test_it_runs_at_the_socket_and_ends_when_it_is_told(tmp_path):
    async def run():
        pages = Pages((sys.executable, "-c", WAITS, "{socket}"), tmp_path)
        await until((tmp_path / PAGES_SOCKET).exists)
        pid = pages.pid
        pages.stop()
        await until(lambda: pages.pid is None)
        return pid

    pid = asyncio.run(run())
    assert int((tmp_path / PAGES_SOCKET).read_text()) == pid
    assert not Path(f"/proc/{pid}").exists()


def test_one_that_ends_is_told_and_started_again(tmp_path, caplog):
    async def run():
        pages = Pages((sys.executable, "-c", ENDS, "{socket}"), tmp_path)
        first = pages.pid
        await until(lambda: pages.pid not in (None, first))
        pages.stop()
        await until(lambda: pages.pid is None)

    with caplog.at_level(logging.ERROR, "smallcraft.serve"):
        asyncio.run(run())
    assert "the web pages ended with code 3; they are started again" in caplog.text
