"""A server in processes of its own: started, waited for, measured, and ended for certain.

Always: whatever came from it is gone when `with` ends, also when the test inside failed.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.process import child_environment
from benchmarks.serving.messages import BrokenReplyError, Reply, ReplyReader, Target
from benchmarks.serving.process_tree import (
    MARK,
    births_of,
    cpu_s_of,
    memory_mb_of,
    own_memory_mb,
    processes_of,
    still_alive,
)

_LOOK_S = 0.05
_PATIENCE_S = 300.0
_PARTING_S = 10.0
_AFTER_KILL_S = 10.0
_SHOWN_LINES = 15


class ServerError(RuntimeError):
    """A server did not start, or does not answer as it must."""


class ServerProcess:
    """A command that serves.

    Attributes:
        folder: Where it runs.
        log: What it prints.
    """

    def __init__(
        self, command: Sequence[str], folder: Path, *, environment: Mapping[str, str] | None = None
    ) -> None:
        self.folder, self.log = folder, folder / "server.log"
        self._command, self._environment = list(command), dict(environment or {})
        self._mark = uuid.uuid4().hex
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self.log.open("wb") as stream:
            self._child = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env={**child_environment(), **self._environment, MARK: self._mark},
                start_new_session=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    @property
    def pid(self) -> int:
        """Of the process that was started."""
        assert self._child is not None
        return self._child.pid

    def pids(self) -> frozenset[int]:
        """All its processes, now."""
        return processes_of(self.pid, self._mark)

    def cpu_s(self) -> float:
        """CPU-seconds that all of it has taken."""
        return cpu_s_of(self.pids())

    def memory_mb(self) -> float:
        """What all of it holds in memory."""
        return memory_mb_of(self.pids())

    def own_memory_mb(self) -> dict[str, float]:
        """What each of its programs holds of its own: `worker`, `router`."""
        return own_memory_mb(self.pids())

    def wait_until(self, is_ready: Callable[[], bool], *, patience_s: float = _PATIENCE_S) -> None:
        """Look again and again.

        Raises:
            ServerError: It ended, or is not ready in time; with the last lines it printed.
        """
        deadline = time.monotonic() + patience_s
        while not is_ready():
            ended = self._child is None or self._child.poll() is not None
            if ended or time.monotonic() > deadline:
                why = "ended" if ended else f"was not ready in {patience_s:g} s"
                raise ServerError(f"{' '.join(self._command[:6])} {why}; it said:\n{self._said()}")
            time.sleep(_LOOK_S)

    def end(self) -> None:
        """Ask it to end, then end it."""
        if self._child is None:
            return
        theirs = births_of(self.pids())
        if self._child.poll() is None:
            self._child.terminate()
        for pid in self._wait_for_end(theirs, _PARTING_S):
            _kill(pid)
        self._wait_for_end(theirs, _AFTER_KILL_S)
        self._child.wait()
        self._child = None

    def _wait_for_end(self, theirs: dict[int, int], patience_s: float) -> list[int]:
        """Those that are still there when patience ends."""
        deadline = time.monotonic() + patience_s
        while (left := self._left(theirs)) and time.monotonic() < deadline:
            time.sleep(_LOOK_S)
        return left

    def _left(self, theirs: dict[int, int]) -> list[int]:
        assert self._child is not None
        self._child.poll()
        return still_alive(theirs | births_of(self.pids()))

    def _said(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_SHOWN_LINES:])


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def free_port() -> int:
    """A TCP port of the loopback that nobody has now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def ask_once(target: Target, request: bytes, *, timeout_s: float = 10.0) -> Reply | None:
    """Send one request on a connection of its own; None when there is no reply in time."""
    family, address = (
        (socket.AF_UNIX, target.path) if target.path else (socket.AF_INET, (target.host, target.port))
    )
    reader, deadline = ReplyReader(), time.monotonic() + timeout_s
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        try:
            connection.settimeout(timeout_s)
            connection.connect(address)
            connection.sendall(request)
            while (left := deadline - time.monotonic()) > 0:
                connection.settimeout(left)
                data = connection.recv(65536)
                reply = reader.feed(data) if data else None
                if reply is not None or not data:
                    return reply
        except (OSError, BrokenReplyError):
            return None
    return None
