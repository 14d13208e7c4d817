"""A server is waited for, tells why it did not start, and leaves nothing behind."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from benchmarks.serving.messages import Target, request_bytes
from benchmarks.serving.process_tree import births_of, still_alive
from benchmarks.serving.server_process import ServerError, ServerProcess, ask_once, free_port
from tests.benchmarks.serving.scripted import ScriptedServer, echo

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while time.process_time() < 0.1:
    pass
subprocess.Popen(["sleep", "600"], start_new_session=True)
open("ready", "w").close()
time.sleep(600)
"""


def command(code):
    return [sys.executable, "-I", "-S", "-c", code]


def test_a_server_that_will_not_end_is_ended_with_all_it_started(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.serving.server_process._PARTING_S", 0.2)
    with ServerProcess(command(STUBBORN), tmp_path) as server:
        server.wait_until(Path(tmp_path, "ready").exists)
        births = births_of(server.pids())
        assert len(births) == 2
        assert server.memory_mb() > 1
        assert sum(server.own_memory_mb().values()) > 1
        assert server.cpu_s() > 0.05
    assert still_alive(births) == []


def test_a_server_is_ended_also_when_its_test_fails(tmp_path):
    server = ServerProcess(command("import time; open('ready', 'w'); time.sleep(600)"), tmp_path)

    def test_that_fails():
        with server:
            server.wait_until(Path(tmp_path, "ready").exists)
            births.update(births_of(server.pids()))
            raise KeyError

    births: dict[int, int] = {}
    with pytest.raises(KeyError):
        test_that_fails()
    assert len(births) == 1
    assert still_alive(births) == []


def test_a_server_that_ends_at_once_says_why(tmp_path):
    with (
        ServerProcess(command("raise SystemExit('no such model')"), tmp_path) as server,
        pytest.raises(ServerError, match=r"(?s)ended; it said:.*no such model"),
    ):
        server.wait_until(lambda: False)


def test_a_server_that_is_never_ready_is_not_waited_for_for_ever(tmp_path):
    with (
        ServerProcess(command("import time; time.sleep(600)"), tmp_path) as server,
        pytest.raises(ServerError, match=r"was not ready in 0\.01 s"),
    ):
        server.wait_until(lambda: False, patience_s=0.01)


def test_one_question_gets_its_reply_or_none(tmp_path):
    async def say_nothing(path, body, writer):
        return

    with ScriptedServer(echo, tmp_path / "s") as server:
        assert ask_once(server.target, request_bytes("/", b"hello")).body == b"hello"
    with ScriptedServer(say_nothing) as server:
        assert ask_once(server.target, request_bytes("/", b"hello"), timeout_s=0.05) is None
    assert ask_once(Target(port=free_port()), request_bytes("/")) is None
