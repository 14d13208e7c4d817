"""The process of web pages beside a server: started once requests are served, started again when it ends.

Leaves to others: what is on the pages, and the command that starts them (the command line).
Always: whatever becomes of it, requests are served; it ends with its server.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from pathlib import Path

from smallcraft.serve.processes.children import Backoff, Child

PAGES_SOCKET = "pages.sock"
_LOG = logging.getLogger("smallcraft.serve")
_STOP_S = 5.0
_RESTART_S, _LONGEST_RESTART_S = 0.5, 30.0


class Pages:
    """The pages' process.

    Args:
        command: Starts it; `{socket}` in it stands for the unix socket to answer at.
        run: Folder of sockets.
    """

    def __init__(self, command: Sequence[str], run: Path) -> None:
        socket = str(run / PAGES_SOCKET)
        self._command = [word.replace("{socket}", socket) for word in command]
        self._backoff = Backoff(_RESTART_S, _LONGEST_RESTART_S)
        self._is_stopped = False
        self._began = 0.0
        self._start()

    @property
    def pid(self) -> int | None:
        """Of the process; None while none runs."""
        return self._child.pid if self._child.is_running else None

    def stop(self) -> None:
        """Let it end."""
        self._is_stopped = True
        self._child.stop(within_s=_STOP_S)

    def _start(self) -> None:
        if not self._is_stopped:
            self._began = time.monotonic()
            self._child = Child(self._command, on_message=lambda _: None, on_end=self._end)

    def _end(self, child: Child) -> None:
        if not self._is_stopped:
            _LOG.error("the web pages ended with code %s; they are started again", child.code)
            wait_s = self._backoff.wait_s(time.monotonic() - self._began)
            asyncio.get_running_loop().call_later(wait_s, self._start)
