"""Runs the pages as a server: on an address for people, or on a unix socket behind `smallcraft serve`.

Leaves to others: the pages (`dashboard.app`).
Always: Ctrl-C and SIGTERM end it quietly, whoever still listens for changes; it does not outlive the server
that it stands behind.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from smallcraft.errors import InvalidInputError

if TYPE_CHECKING:
    from starlette.applications import Starlette

_GRACE_S = 3


def bind(host: str, port: int) -> socket.socket:
    """A socket on an address; port 0 for any.

    Raises:
        InvalidInputError: The address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        why = getattr(error, "strerror", None) or error
        raise InvalidInputError(
            f"{host}:{port} cannot be listened on ({why}); name another port with --port, or 0 for any"
        ) from error
    return listener


def bind_privately(path: Path) -> socket.socket:
    """A unix socket that is this user's alone; one that was left there is replaced."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    was = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(was)
    listener.listen(128)
    return listener


def run_app(app: Starlette, listener: socket.socket, *, root: str = "") -> None:
    """Answer until SIGINT or SIGTERM; in the main thread of a process.

    Args:
        app: The pages.
        listener: Where.
        root: Path in front of theirs, where a proxy takes it off.
    """
    with listener, contextlib.suppress(KeyboardInterrupt):
        server_of(app, root=root).run(sockets=[listener])


def server_of(app: Starlette, *, root: str = "") -> uvicorn.Server:
    """The server of the pages; arguments as `run_app` has them."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        ws="none",
        root_path=root,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    return _Server(config, app.state.desk.is_ending)


def end_with_parent() -> None:
    """End this process when its standard input does: the server behind it is gone."""

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1 << 12):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="dashboard-parent", daemon=True).start()


class _Server(uvicorn.Server):
    """Ends streams of events too when it ends; a signal that ended it is not raised again."""

    def __init__(self, config: uvicorn.Config, is_ending: threading.Event) -> None:
        super().__init__(config)
        self._is_ending = is_ending

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Told of a signal."""
        del sig, frame
        self._is_ending.set()
        self.should_exit = True
